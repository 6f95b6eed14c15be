package httpguard

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

// TestRequestWaitingInTheSocketAtShutdownIsRead has connections that are accepted and not yet read when the stop
// begins. In two of them a request waits.
func TestRequestWaitingInTheSocketAtShutdownIsRead(t *testing.T) {
	t.Parallel()
	ln := listen(t)
	stopping, stop := context.WithCancel(t.Context())
	conns := newConnections(stopping, nil)
	accept := func(raw string) *conn {
		dial(t, ln, raw)
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conns.add(nc)
	}
	speaking, silent := accept("GET /"), accept("")
	stop()
	conns.each((*conn).hurryIfWaiting)
	late := accept("GET /")
	for _, c := range []*conn{speaking, silent, late} {
		if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil { // as fasthttp does
			t.Fatal(err)
		}
	}
	var b [16]byte
	for _, c := range []*conn{speaking, late} {
		if n, err := c.Read(b[:]); string(b[:n]) != "GET /" || err != nil {
			t.Errorf("Read = %q, %v", b[:n], err)
		}
	}
	if n, err := silent.Read(b[:]); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read from a silent peer = %q, %v", b[:n], err)
	}
}
