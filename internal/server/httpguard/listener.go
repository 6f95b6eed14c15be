package httpguard

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/triport/triport-console/internal/throttle"
)

// The limits of all connections together.
const (
	// maxConnections bounds the memory: a busy connection costs up to 135 KiB, an idle one 18 KiB.
	maxConnections = 10_000
	// spareDescriptors are kept for the store, the spool and the rest of the process: clients must not keep an
	// attempt out of the spool.
	spareDescriptors = 64
)

var limitHint = fmt.Sprintf("find who holds them, limit clients at the proxy, or raise LimitNOFILE (up to %d)",
	maxConnections+spareDescriptors)

// listener accepts no more connections than the limit and survives a shortage of file descriptors.
type listener struct {
	net.Listener
	conns    *connections
	limit    func() int // of connections
	log      *slog.Logger
	throttle *throttle.Throttle
	once     sync.Once
}

func newListener(ln net.Listener, conns *connections, log *slog.Logger) *listener {
	return &listener{Listener: ln, conns: conns, limit: connectionLimit, log: log, throttle: throttle.New(time.Minute)}
}

// Accept waits for the next connection. At the limit, new ones wait in the kernel's queue. It retries after a
// temporary error, for example if no descriptor is left: fasthttp takes any error for the end of the listener.
func (l *listener) Accept() (net.Conn, error) {
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, time.Second) {
		l.waitForRoom()
		nc, err := l.Listener.Accept()
		if err == nil {
			return l.conns.add(nc), nil
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || !temporary.Temporary() {
			return nil, err
		}
		l.warn("connection could not be accepted, retrying", "error", err, "in", delay,
			"hint", `find what opens so many files, or raise LimitNOFILE (fs.file-max if the error says "in system")`)
		select {
		case <-l.conns.stopping.Done():
		case <-time.After(delay):
		}
	}
}

// waitForRoom waits until fewer connections than the limit are open, or the server is stopping.
func (l *listener) waitForRoom() {
	for open := l.conns.count(); open >= l.limit(); open = l.conns.count() {
		l.warn("connection limit reached, new connections wait", "open", open, "hint", limitHint)
		select {
		case <-l.conns.stopping.Done():
			return
		case <-l.conns.closed:
		}
	}
}

// connectionLimit returns how many connections the process can hold. The limit of descriptors can change from outside.
func connectionLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxConnections
	}
	files := int(min(limit.Cur, maxConnections+spareDescriptors))
	return max(files-spareDescriptors, files/2)
}

// warn logs a message, but not twice within a minute.
func (l *listener) warn(msg string, args ...any) {
	if l.throttle.Allow(msg, time.Now()) {
		l.log.Warn(msg, args...)
	}
}

// Close closes the listener once. Shutdown calls it, and fasthttp again, which gives up on an error.
func (l *listener) Close() (err error) {
	l.once.Do(func() { err = l.Listener.Close() })
	return err
}
