package main

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPassedSocketsAreServedAndStayOpen passes two sockets as systemd does. A connection that is made while no server
// runs waits for the next one.
func TestPassedSocketsAreServedAndStayOpen(t *testing.T) {
	t.Parallel()
	public, metrics := passedSocket(t), passedSocket(t)
	dir := t.TempDir()
	for range 2 {
		waiting, err := net.Dial("tcp", public.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		cmd, out := startPassed(t, dir, "one.socket:metrics", public, metrics)
		if address := listeningAddress(t, out); address != public.Addr().String() {
			t.Errorf("the server listens on %s, not on the socket", address)
		}
		if _, err := waiting.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 15)
		if _, err := waiting.Read(b); err != nil || string(b) != "HTTP/1.1 200 OK" {
			t.Errorf("%q, %v", b, err)
		}
		_ = waiting.Close()
		res, err := http.Get("http://" + metrics.Addr().String() + "/metrics")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("metrics: %v, %v", res, err)
		}
		_ = res.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := waitFor(cmd, 20*time.Second); err != nil {
			t.Fatalf("the server ended with %v", err)
		}
	}
}

func TestSeveralPassedSocketsOfOneKindAreRejected(t *testing.T) {
	t.Parallel()
	cmd, _ := startPassed(t, t.TempDir(), "one:two", passedSocket(t), passedSocket(t))
	err := waitFor(cmd, 20*time.Second)
	if text := cmd.Stderr.(*bytes.Buffer).String(); err == nil || !strings.Contains(text, "several sockets of one kind") {
		t.Errorf("%v: %q", err, text)
	}
}

func passedSocket(t *testing.T) *net.TCPListener {
	t.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// startPassed starts a server with the sockets. LISTEN_PID is its own id.
func startPassed(t *testing.T, dir, names string, sockets ...*net.TCPListener) (*exec.Cmd, *os.File) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve -o text`, program)
	cmd.Dir, cmd.Stderr = dir, &bytes.Buffer{}
	cmd.Env = append(cmd.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES="+names)
	for _, ln := range sockets {
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	cmd.Stdout = write
	err = cmd.Start()
	_ = write.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, read
}
