package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// A refused client may still be sending. Closing on unread bytes makes the kernel reset the
// connection, and the reset can overtake the answer: so read on for a moment.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// tellAgain is for how long the log is spared another word about the same trouble.
const tellAgain = time.Minute

// moreFiles names both limits: the cause ends with "in system" when it is the machine's, not the process's.
const moreFiles = "find out who opens so many files, or raise LimitNOFILE (fs.file-max where cause says in system)"

// fewerConnections names the limit of descriptors beyond which more of them are of no use.
var fewerConnections = fmt.Sprintf("find out who holds them, limit clients at the proxy, or raise LimitNOFILE (up to %d)",
	maxConnections+reserved)

// listener watches over the connections it accepts, takes no more than it can afford, and outlives a
// shortage of file descriptors.
type listener struct {
	net.Listener
	conns  *connections
	limit  func() int64 // of connections
	log    *slog.Logger
	once   sync.Once
	closed chan struct{}

	// When the log was told last of too many connections, and of one that could not be accepted. Of the
	// accepting goroutine only.
	toldFull, toldShort time.Time
}

func newListener(ln net.Listener, conns *connections, log *slog.Logger) *listener {
	conns.held.freed = make(chan struct{}, 1)
	return &listener{Listener: ln, conns: conns, limit: connectionLimit, log: log, closed: make(chan struct{})}
}

// Accept waits for the next connection; while too many are open, new ones wait in the kernel's queue.
// fasthttp takes any error for the end of the listener, so those that pass (no file descriptor left, a
// client that went away in the queue) are waited out here.
func (l *listener) Accept() (net.Conn, error) {
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		l.waitForRoom()
		nc, err := l.Listener.Accept()
		if err == nil {
			return l.conns.add(nc), nil
		}
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			return nil, err
		}
		if time.Since(l.toldShort) > tellAgain {
			l.toldShort = time.Now()
			l.log.Warn("cannot accept a connection: trying again", "cause", err, "in", delay, "do", moreFiles)
		}
		select {
		case <-l.closed:
		case <-time.After(delay):
		}
	}
}

// waitForRoom waits until one more connection can be afforded, or the listener is closed.
func (l *listener) waitForRoom() {
	for l.conns.held.n.Load() >= l.limit() {
		if time.Since(l.toldFull) > tellAgain {
			l.toldFull = time.Now()
			l.log.Warn("too many connections are open: new ones wait until one closes",
				"open", l.conns.held.n.Load(), "do", fewerConnections)
		}
		select {
		case <-l.closed:
			return
		case <-l.conns.held.freed:
		}
	}
}

// Close may be called more than once: by Shutdown, and then by fasthttp, which gives up on an error.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.Listener.Close()
	})
	return err
}

// connections are the ones that are open.
type connections struct {
	trustedProxies []netip.Prefix
	held           held

	closing atomic.Bool
	mu      sync.Mutex
	open    map[*conn]struct{}
	none    chan struct{} // closed when none is open any more; nil while nobody waits
}

func (cs *connections) add(nc net.Conn) *conn {
	c := &conn{Conn: nc, set: cs, trusted: cs.trusts(nc.RemoteAddr())}
	cs.held.take()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.open == nil {
		cs.open = make(map[*conn]struct{})
	}
	cs.open[c] = struct{}{}
	return c
}

// trusts tells whether the peer is a proxy of the operator's.
func (cs *connections) trusts(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return false
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range cs.trustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
	if cs.none != nil && len(cs.open) == 0 {
		close(cs.none)
		cs.none = nil
	}
}

// waitUntilNone waits until every connection is closed, or the time is over. For one caller.
func (cs *connections) waitUntilNone(limit time.Duration) {
	none := make(chan struct{})
	cs.mu.Lock()
	if len(cs.open) == 0 {
		close(none)
	} else {
		cs.none = none
	}
	cs.mu.Unlock()
	within(limit, none)
}

// lastWord is how long a connection that has never said a word is still listened to: what it sent may
// be waiting in the socket, unread. That is a request like any other, and is answered.
const lastWord = 100 * time.Millisecond

// hurrySilent ends the connections that have never said a word, now and from now on.
func (cs *connections) hurrySilent() {
	cs.closing.Store(true)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if !c.spoke.Load() {
			_ = c.Conn.SetReadDeadline(time.Now().Add(lastWord))
		}
	}
}

func (cs *connections) closeAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		_ = c.Conn.Close()
	}
}

// conn knows what fasthttp does not tell of a connection.
type conn struct {
	net.Conn
	set     *connections
	trusted bool // the peer is a trusted proxy
	spoke   atomic.Bool
	ended   sync.Once

	// Of the serving goroutine only.
	timedOut bool // a read ran into its deadline; fasthttp hides that in some of its errors
	linger   bool // the peer may still be sending what nobody will read
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.spoke.Load() {
		c.spoke.Store(true)
	}
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if c.set.closing.Load() && !c.spoke.Load() {
			return n, io.EOF // nobody waits for an answer
		}
		c.timedOut = true
	}
	return n, err
}

// SetReadDeadline is called by fasthttp before it reads, which must not undo hurrySilent.
func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if c.set.closing.Load() && !c.spoke.Load() { // looked at last: closing may have begun just now
		err = c.Conn.SetReadDeadline(time.Now().Add(lastWord))
	}
	return err
}

func (c *conn) Close() error {
	c.set.remove(c)
	if c.linger {
		c.drain()
	}
	err := c.Conn.Close()
	c.ended.Do(c.set.held.free)
	return err
}

// drain ends the sending side and reads on until the peer closes too, within bounds.
func (c *conn) drain() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
}

// lingerOn makes the closing of the request's connection a gentle one.
func lingerOn(ctx *fasthttp.RequestCtx) {
	if c, ok := ctx.Conn().(*conn); ok {
		c.linger = true
	}
}
