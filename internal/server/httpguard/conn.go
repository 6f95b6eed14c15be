package httpguard

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A rejected client may still be sending. If the server closes with unread bytes, the kernel resets the
	// connection, and the reset can overtake the answer. So the server reads on for a moment.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10

	// silentTime is how long a stopping server reads from a connection that never sent a byte. A request may wait
	// in the socket, unread. It is answered like any other.
	silentTime = 100 * time.Millisecond
)

// conn records what fasthttp does not report about a connection.
type conn struct {
	net.Conn
	set     *connections
	trusted bool        // the peer is a trusted proxy
	spoke   atomic.Bool // a byte has arrived
	once    sync.Once

	// Only the serving goroutine uses these.
	timedOut bool // a read reached its deadline; some errors of fasthttp hide that
	linger   bool // the peer may still be sending
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoke.Load() {
		c.spoke.Store(true)
	}
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if c.silentAtStop() {
			return n, io.EOF // there is no request to answer
		}
		c.timedOut = true
	}
	return n, err
}

func (c *conn) silentAtStop() bool { return c.set.stopping.Err() != nil && !c.spoke.Load() }

// SetReadDeadline is called by fasthttp before it reads. That must not undo hurryIfSilent, which may run at any time:
// so the check comes last.
func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	c.hurryIfSilent()
	return err
}

// hurryIfSilent bounds the reads of a connection that never sent a byte, if the server is stopping.
func (c *conn) hurryIfSilent() {
	if c.silentAtStop() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(silentTime))
	}
}

// Close may be called more than once.
func (c *conn) Close() error {
	var err error
	c.once.Do(func() {
		if c.linger {
			c.drain()
		}
		err = c.Conn.Close()
		c.set.remove(c)
	})
	return err
}

// drain ends the sending side and reads on until the peer closes too, within the limits.
func (c *conn) drain() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
}
