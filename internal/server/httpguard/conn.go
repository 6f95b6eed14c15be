package httpguard

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// A rejected client may still be sending. If the server closed with unread bytes, the kernel would reset the
	// connection, and the reset can overtake the answer. So the server reads on.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
	// lastCall is how long a stopping server waits for a request on a connection without one. Under load, a proxy uses
	// all of its connections within it, and the answers tell it to use them no more.
	lastCall = time.Second
)

// conn records what fasthttp does not report about a connection.
type conn struct {
	net.Conn
	set     *connections
	trusted bool        // the peer is a trusted proxy
	spoke   atomic.Bool // a byte of the current request has arrived
	once    sync.Once

	// Only the serving goroutine uses these.
	timedOut bool   // a read reached its deadline; some errors of fasthttp hide that
	linger   bool   // the peer may still be sending
	lines    lines  // of the current request
	last     []byte // what the last Read returned, in the buffer of fasthttp
}

// Read records the first byte and a missed deadline. It checks the lines of a request, and ends after a bad one.
func (c *conn) Read(p []byte) (int, error) {
	if c.lines.bad {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) && c.waitingAtStop() {
		if n = c.poll(p); n == 0 {
			return 0, io.EOF // there is no request to answer
		}
		err = nil
	}
	c.last = p[:n]
	c.lines.scan(c.last)
	if n > 0 && !c.spoke.Load() {
		c.spoke.Store(true)
	}
	c.timedOut = c.timedOut || errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// poll reads what has arrived, without waiting: a request may have come between the deadline and now.
func (c *conn) poll(p []byte) (n int) {
	sc, ok := c.Conn.(syscall.Conn)
	if !ok || c.Conn.SetReadDeadline(time.Now().Add(readTimeout)) != nil {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Read(func(fd uintptr) bool { // the descriptor does not block
		n, _ = syscall.Read(int(fd), p)
		return true
	})
	return max(n, 0)
}

// next is called after a request with a body of that size was read. It checks what was read of the next request, and
// reports whether there can be one.
func (c *conn) next(body int) bool {
	start := len(c.last) - (c.lines.after - body)
	if !c.lines.ended || start < 0 || start > len(c.last) {
		return false
	}
	c.lines = lines{}
	c.lines.scan(c.last[start:])
	if start == len(c.last) {
		c.last = nil // an idle connection must not keep the buffer of a body
		c.spoke.Store(false)
	}
	return true
}

// waitingAtStop reports whether the server is stopping and no request has begun.
func (c *conn) waitingAtStop() bool { return c.set.stopping.Err() != nil && !c.spoke.Load() }

// SetReadDeadline is called by fasthttp before it reads. It must not undo hurryIfWaiting, which may run at any time.
func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	c.hurryIfWaiting()
	return err
}

// hurryIfWaiting bounds the wait for a request, if the server is stopping.
func (c *conn) hurryIfWaiting() {
	if c.waitingAtStop() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(time.Duration(c.set.lastCall.Load())))
	}
}

// Close may be called more than once.
func (c *conn) Close() (err error) {
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

// connections is the set of connections that hold a descriptor.
type connections struct {
	stopping       context.Context // ends when the server stops
	trustedProxies []netip.Prefix
	closed         chan struct{} // receives a value after a connection was closed
	lastCall       atomic.Int64  // nanoseconds

	mu   sync.Mutex
	open map[*conn]struct{}
}

func newConnections(stopping context.Context, proxies []netip.Prefix) *connections {
	cs := &connections{
		stopping: stopping, trustedProxies: proxies, closed: make(chan struct{}, 1), open: make(map[*conn]struct{}),
	}
	cs.lastCall.Store(int64(lastCall))
	return cs
}

func (cs *connections) add(nc net.Conn) *conn {
	c := &conn{Conn: nc, set: cs, trusted: cs.trusts(peerAddr(nc.RemoteAddr()))}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = struct{}{}
	return c
}

// trusts reports whether the address is a trusted proxy's.
func (cs *connections) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(cs.trustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func peerAddr(peer net.Addr) netip.Addr {
	tcp, _ := peer.(*net.TCPAddr) // of nil, AddrPort is an address in no prefix
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	delete(cs.open, c)
	cs.mu.Unlock()
	select {
	case cs.closed <- struct{}{}:
	default:
	}
}

func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// waitUntilNone waits until all connections are closed, or ctx ends.
func (cs *connections) waitUntilNone(ctx context.Context) {
	again := time.NewTicker(10 * time.Millisecond) // closed may have another receiver
	defer again.Stop()
	for cs.count() > 0 {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// each calls f for every open connection.
func (cs *connections) each(f func(*conn)) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		f(c)
	}
}
