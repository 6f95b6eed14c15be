package server

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// TestWhatWaitsInTheSocketAtShutdownIsRead has connections that the server has accepted and not read
// yet when the shutdown begins: one of them has a request waiting.
func TestWhatWaitsInTheSocketAtShutdownIsRead(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var conns connections
	accept := func(say string) *conn {
		peer, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = peer.Close() })
		if _, err := io.WriteString(peer, say); err != nil {
			t.Fatal(err)
		}
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conns.add(nc)
	}
	speaking, silent := accept("GET /"), accept("")
	conns.hurrySilent()
	late := accept("GET /")
	for _, c := range []*conn{speaking, silent, late} {
		if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil { // as fasthttp does
			t.Fatal(err)
		}
	}
	var b [16]byte
	for _, c := range []*conn{speaking, late} {
		if n, err := c.Read(b[:]); string(b[:n]) != "GET /" || err != nil {
			t.Errorf("read %q, %v", b[:n], err)
		}
	}
	if n, err := silent.Read(b[:]); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("of a silent peer: %q, %v", b[:n], err)
	}
}
