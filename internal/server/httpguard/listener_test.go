package httpguard

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// dial connects and sends what the peer has to say.
func dial(t *testing.T, ln net.Listener, raw string) net.Conn {
	t.Helper()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	if _, err := peer.Write([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	return peer
}

// noFiles is a listener without a file descriptor left, until it is closed.
type noFiles struct {
	net.Listener
	closed chan struct{}
}

func (l noFiles) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
}

func (l noFiles) Close() error {
	close(l.closed)
	return nil
}

func TestShortageOfFilesIsLoggedOnceAMinuteWithAHint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		conns := newConnections(t.Context(), nil)
		l := newListener(noFiles{closed: make(chan struct{})}, conns, slog.New(slog.NewTextHandler(&log, nil)))
		time.AfterFunc(150*time.Second, func() { _ = l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept = %v, want %v", err, net.ErrClosed)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		for _, line := range lines {
			if !strings.Contains(line, `level=WARN msg="connection could not be accepted, retrying" error="accept tcp`) ||
				!strings.Contains(line, `hint="find what opens so many files, or raise LimitNOFILE`) {
				t.Errorf("the log has %s", line)
			}
		}
		if len(lines) != 3 { // at once, after one minute and after two
			t.Errorf("%d lines in two and a half minutes", len(lines))
		}
	})
}

// queue is a listener whose peers wait in a channel.
type queue chan net.Conn

func (q queue) Accept() (net.Conn, error) {
	if c, ok := <-q; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (q queue) Close() error { close(q); return nil }

func (queue) Addr() net.Addr { return nil }

// TestConnectionsBeyondTheLimitWaitUntilOneCloses has four peers at a listener for two connections. The third is
// accepted when one closes. A stop ends the wait of the fourth.
func TestConnectionsBeyondTheLimitWaitUntilOneCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // written by the accepting goroutine, read after its end
		stopping, stop := context.WithCancel(t.Context())
		conns := newConnections(stopping, nil)
		peers := make(queue, 4)
		for range cap(peers) {
			c, _ := net.Pipe()
			peers <- c
		}
		l := newListener(peers, conns, slog.New(slog.NewTextHandler(&log, nil)))
		l.limit = func() int { return 2 }
		accepted := make(chan net.Conn)
		go func() {
			defer close(accepted)
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				accepted <- c
			}
		}()
		wantNone := func() {
			t.Helper()
			synctest.Wait()
			select {
			case <-accepted:
				t.Fatal("a third connection was accepted next to two")
			default:
			}
		}
		first, second := <-accepted, <-accepted
		wantNone()
		for range 2 { // the second Close makes no more room
			_ = first.Close()
		}
		third := <-accepted
		wantNone()
		stop()
		fourth := <-accepted
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, more := <-accepted; more {
			t.Error("a connection was accepted after Close")
		}
		_, _, _ = second.Close(), third.Close(), fourth.Close()
		if n := conns.count(); n != 0 {
			t.Errorf("%d connections are open after all were closed", n)
		}
		if got := log.String(); strings.Count(got, `msg="connection limit reached, new connections wait" open=2 hint="find who holds them`) != 1 ||
			!strings.Contains(got, "raise LimitNOFILE (up to 10064)") {
			t.Errorf("the log: %s", got)
		}
	})
}

func TestConnectionLimitIsPositiveAndBounded(t *testing.T) {
	t.Parallel()
	if n := connectionLimit(); n < 1 || n > maxConnections {
		t.Errorf("%d connections", n)
	}
}

func TestTrustedProxyIsRecognizedInEverySpellingOfItsAddress(t *testing.T) {
	t.Parallel()
	conns := newConnections(t.Context(), []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")})
	for _, row := range []struct {
		peer net.Addr
		want bool
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To4()}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To16()}, true}, // as a dual-stack listener reports it
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 3, 7)}, false},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, false},
		{&net.TCPAddr{}, false},
		{&net.UnixAddr{Name: "192.0.2.7", Net: "unix"}, false},
	} {
		if got := conns.trusts(peerAddr(row.peer)); got != row.want {
			t.Errorf("trusts(%v) = %t", row.peer, got)
		}
	}
}
