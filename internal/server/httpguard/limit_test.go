package server

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// TestConnectionsBeyondTheLimitWaitUntilOneCloses has three peers at a listener for two. The third is
// taken as soon as there is room, and the end of the listener ends the waiting too.
func TestConnectionsBeyondTheLimitWaitUntilOneCloses(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer // of the accepting goroutine, read when it has ended
	var conns connections
	l := newListener(ln, &conns, slog.New(slog.NewTextHandler(&said, nil)))
	l.limit = func() int64 { return 2 }
	accepted, ended := make(chan net.Conn), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	for range 4 {
		peer, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = peer.Close() })
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third was taken beside two")
	case <-time.After(50 * time.Millisecond):
	}
	for range 2 { // to close twice makes room once
		_ = first.Close()
	}
	third := <-accepted
	select {
	case <-accepted:
		t.Fatal("two were taken for one that closed")
	case <-time.After(50 * time.Millisecond):
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case fourth := <-accepted: // it was let in between the end of the waiting and that of the socket
		_ = fourth.Close()
		<-ended
	}
	_, _ = second.Close(), third.Close()
	if n := conns.held.n.Load(); n != 0 {
		t.Errorf("%d connections are held when all are closed", n)
	}
	if log := said.String(); strings.Count(log, "too many connections") != 1 || !strings.Contains(log, "raise LimitNOFILE (up to 10064)") {
		t.Errorf("the log: %s", log)
	}
}

func TestTheProcessAffordsConnections(t *testing.T) {
	t.Parallel()
	if n := connectionLimit(); n < 1 || n > maxConnections {
		t.Errorf("%d connections", n)
	}
}
