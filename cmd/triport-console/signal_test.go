package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSecondSignalEndsTheProcessAtOnce keeps a request open, for which the first signal waits.
func TestSecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(program, "serve", "--listen", "127.0.0.1:0", "-o", "text")
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Environ(), "TRIPORT_SHUTDOWN_TIMEOUT=1m")
	address := startServing(t, cmd)
	holdRequest(t, address)

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitUntilClosed(t, address)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, not with exit code 1", err)
	}
}

// startServing starts the server and returns the address that it prints.
func startServing(t *testing.T, cmd *exec.Cmd) (address string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "listening on http://")
}

// holdRequest sends a request whose announced body never comes.
func holdRequest(t *testing.T, address string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	const headers = "POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
	if _, err := io.WriteString(c, headers); err != nil {
		t.Fatal(err)
	}
	// The server says 100 Continue when it waits for the body.
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

// waitUntilClosed returns once nothing listens on the address.
func waitUntilClosed(t *testing.T, address string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-ticker.C {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = c.Close()
	}
	t.Fatal("the server still listens")
}

// TestHangupStopsTheServerUnlessItWasIgnored starts the server as a shell and as nohup do.
func TestHangupStopsTheServerUnlessItWasIgnored(t *testing.T) {
	t.Parallel()
	for _, ignored := range []bool{false, true} {
		script := `exec "$0" serve --listen 127.0.0.1:0`
		if ignored {
			script = `trap "" HUP; ` + script
		}
		cmd := exec.Command("sh", "-c", script, program)
		cmd.Dir = t.TempDir()
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		address := startServing(t, cmd)
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if ignored {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal("SIGHUP stopped a server that ignores it")
			}
			_ = c.Close()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		log, err := io.ReadAll(stderr)
		if err != nil || !strings.Contains(string(log), "stopping") {
			t.Errorf("ignored %v: log %q, %v", ignored, log, err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("ignored %v: ended with %v", ignored, err)
		}
	}
}
