//go:build e2e

package main

import (
	"bufio"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestJourney follows the README: it runs `make run`, runs each printed line in a shell, and checks the output.
func TestJourney(t *testing.T) {
	listen := freeAddress(t)
	run := exec.CommandContext(t.Context(), "make", "--no-print-directory", "run", "LISTEN="+listen)
	run.Dir = "../.."
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // to stop make, sh and the server together
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	lines := pasteable(t, out)
	want := []string{
		"Set-Cookie: ref_code=ann-invites;",
		`{"attributed":true}`,
		`{"attributed":false,"reason":"no_cookie"}`,
		"Ann",
	}
	if len(lines) != len(want) {
		t.Fatalf("the journey has %d lines, not %d: %q\n%s", len(lines), len(want), lines, log.String())
	}
	for i, line := range lines {
		sh := exec.CommandContext(t.Context(), "sh", "-c", line)
		sh.Dir = run.Dir
		got, err := sh.CombinedOutput()
		if err != nil || !strings.Contains(string(got), want[i]) {
			t.Errorf("%s\nprints %q (%v), without %q", line, got, err, want[i])
		}
	}
	if err := syscall.Kill(-run.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	if err := run.Wait(); err != nil && !strings.Contains(err.Error(), "interrupt") && run.ProcessState.ExitCode() != 2 {
		t.Errorf("make run: %v\n%s%s", err, rest, log.String())
	}
}

// pasteable returns the lines for the second terminal, once the server listens.
func pasteable(t *testing.T, out io.Reader) (lines []string) {
	t.Helper()
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		line := scanner.Text()
		switch {
		case strings.HasPrefix(line, "curl "), strings.HasPrefix(line, "bin/triport-console "):
			lines = append(lines, line)
		case strings.HasPrefix(line, "listening on "):
			return lines
		}
	}
	t.Fatalf("make run ended before it served: %v", scanner.Err())
	return nil
}

// freeAddress returns a free loopback address.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
