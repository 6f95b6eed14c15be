package main

import (
	"bufio"
	"database/sql"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLogThatIsNotReadBlocksNothing runs the server with a full pipe for its log, and fails its commits: each call is
// logged then.
func TestLogThatIsNotReadBlocksNothing(t *testing.T) {
	t.Parallel()
	r := newRun(t)
	cmd := r.command("umask 0", "serve", "--listen", "127.0.0.1:0", "-o", "text")
	cmd.Env = append(cmd.Env, "TRIPORT_LOG_LEVEL=info")
	cmd.Stderr = fullPipe(t)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	address := listeningAddress(t, out)

	db, err := sql.Open("sqlite", filepath.Join(r.dir, "triport.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if body := r.answer(t, address, "POST", "/v1/auth/attribute"); !strings.Contains(body, "internal_error") {
			t.Errorf("attribute: %s", body)
		}
	}
	if body := r.answer(t, address, "GET", "/readyz"); body == "" {
		t.Error("/readyz has no answer")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := waitFor(cmd, 20*time.Second); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// answer calls as bob, with the code of ann.
func (r *programRun) answer(t *testing.T, address, method, path string) string {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+address+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", "nl_session="+r.bob.Session+"; nl_csrf="+r.bob.CSRF+"; ref_code="+r.ann.Code)
	req.Header.Set("X-CSRF-Token", r.bob.CSRF)
	res, err := (&http.Client{Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// fullPipe returns the writing end of a pipe that has no room and is not read.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	read, write := os.NewFile(uintptr(ends[0]), "read"), os.NewFile(uintptr(ends[1]), "write")
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	if err := syscall.SetNonblock(ends[1], true); err != nil {
		t.Fatal(err)
	}
	var err error
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = syscall.Write(ends[1], make([]byte, size))
		}
	}
	if err != syscall.EAGAIN {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(ends[1], false); err != nil {
		t.Fatal(err)
	}
	return write
}

// listeningAddress reads the address that serve prints.
func listeningAddress(t *testing.T, out io.Reader) string {
	t.Helper()
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !ok {
		t.Fatalf("the server prints %q (%v)", line, err)
	}
	return address
}

// waitFor waits for the end of a process.
func waitFor(cmd *exec.Cmd, limit time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(limit):
		return os.ErrDeadlineExceeded
	}
}
