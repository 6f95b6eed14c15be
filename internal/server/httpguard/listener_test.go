package server

import (
	"bytes"
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

// withoutFiles is a listener on a machine without a file descriptor left, until it is closed.
type withoutFiles struct {
	net.Listener
	closed chan struct{}
}

func (l withoutFiles) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
}

func (l withoutFiles) Close() error {
	close(l.closed)
	return nil
}

func TestAShortageOfFilesIsLoggedOnceAMinuteWithWhatToDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		l := newListener(withoutFiles{closed: make(chan struct{})}, new(connections), slog.New(slog.NewTextHandler(&said, nil)))
		time.AfterFunc(150*time.Second, func() { _ = l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept = %v, want %v", err, net.ErrClosed)
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		for _, line := range lines {
			if !strings.Contains(line, `level=WARN msg="cannot accept a connection`) || !strings.Contains(line, "raise LimitNOFILE") {
				t.Errorf("the log has %s", line)
			}
		}
		if len(lines) != 3 { // at once, and after one minute and two
			t.Errorf("%d lines in two and a half minutes", len(lines))
		}
	})
}

func TestATrustedProxyIsKnownInEverySpellingOfItsAddress(t *testing.T) {
	t.Parallel()
	cs := connections{trustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}}
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
		if got := cs.trusts(row.peer); got != row.want {
			t.Errorf("trusts(%v) = %t", row.peer, got)
		}
	}
}
