package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// life is a store with people in it, a server that logs all it can, and every command run once, under a
// umask that takes nothing away. What comes out anywhere is kept.
type life struct {
	t    *testing.T
	dir  string
	env  []string
	seen map[string]string // what came out, by where
	ran  []string          // the command lines
	ann  person            // the referrer
	bob  person            // the one who is referred
	cmd  *exec.Cmd         // the server
	addr string            // where it listens
	log  *bytes.Buffer     // its stderr; to be read once it has ended
}

// person is an account with a session.
type person struct {
	ID, Email, Code string
	Session         string `json:"nl_session"`
	CSRF            string `json:"nl_csrf"`
}

func newLife(t *testing.T, environment ...string) *life {
	t.Helper()
	dir := t.TempDir()
	l := &life{t: t, dir: dir, seen: make(map[string]string), env: append([]string{
		"HOME=" + dir, "TMPDIR=" + dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		"TRIPORT_LOG_LEVEL=debug", "TRIPORT_REFERRAL_DEADLINE=50ms",
	}, environment...)}
	l.ann, l.bob = l.person("ann@example.com"), l.person("bob@example.com")
	return l
}

// person makes an account and signs it in. The cookies are printed to nobody but the one who asked.
func (l *life) person(email string) person {
	l.t.Helper()
	var p person
	for _, args := range [][]string{{"user", "create", "--email", email}, {"session", "create", email}} {
		stdout, stderr := l.run(0, "", append(args, "-o", "json")...)
		if err := json.Unmarshal([]byte(stdout), &p); err != nil {
			l.t.Fatal(err)
		}
		l.seen["stderr of "+args[0]+" "+args[1]] += stderr
	}
	return p
}

// command prepares the program, after the shell has done what it is told.
func (l *life) command(prelude string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(l.t.Context(), "sh", append([]string{"-c", prelude + ` && exec "$0" "$@"`, program}, args...)...)
	cmd.Dir, cmd.Env = l.dir, l.env
	return cmd
}

// run runs a command and wants that exit code.
func (l *life) run(code int, stdin string, args ...string) (stdout, stderr string) {
	l.t.Helper()
	l.ran = append(l.ran, strings.Join(args, " "))
	cmd := l.command("umask 0", args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		l.t.Errorf("%q: exit code %d, want %d: %s", args, got, code, errs.String())
	}
	return out.String(), errs.String()
}

// do runs a command of which nothing may be a secret.
func (l *life) do(args ...string) {
	l.t.Helper()
	stdout, stderr := l.run(0, "", args...)
	l.seen[strings.Join(args, " ")] = stdout + stderr
}

// serve starts the server and waits until it listens.
func (l *life) serve(prelude string) {
	l.t.Helper()
	l.ran = append(l.ran, "serve")
	l.cmd, l.log = l.command(prelude, "serve", "--listen", "127.0.0.1:0", "-o", "text"), &bytes.Buffer{}
	l.cmd.Stderr = l.log
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !ok {
		_ = l.cmd.Wait()
		l.t.Fatalf("the server says %q (%v): %s", line, err, l.log.String())
	}
	l.addr = address
}

// end sends the server a signal and returns how it ended.
func (l *life) end(with syscall.Signal) syscall.WaitStatus {
	l.t.Helper()
	if err := l.cmd.Process.Signal(with); err != nil {
		l.t.Fatal(err)
	}
	_ = l.cmd.Wait() // how it ended is what is returned
	return l.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// ask sends bytes on a connection of their own, as the last ones, and returns all that is answered.
func (l *life) ask(raw string) string {
	l.t.Helper()
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		l.t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		l.t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		l.t.Fatalf("%.60q: %v after %q", raw, err, answer)
	}
	return string(answer)
}

// whileLocked holds the database's write lock, as another process may, until f is done.
func (l *life) whileLocked(f func()) {
	l.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(l.dir, "triport.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		l.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(l.t.Context(), "BEGIN IMMEDIATE"); err != nil {
		l.t.Fatal(err)
	}
	f()
	if err := db.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// keepFiles keeps what the files hold now.
func (l *life) keepFiles(when string) {
	l.t.Helper()
	for name, content := range l.files() {
		l.seen["the file "+name+" "+when] = content
	}
}

func (l *life) files() map[string]string {
	l.t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(l.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // the server has just drained it
		}
		found[strings.TrimPrefix(path, l.dir+"/")] = string(content)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return found
}

// everything does all that the program can, once.
func (l *life) everything() {
	l.t.Helper()
	l.serve("umask 0")
	l.requests()
	l.whileLocked(func() {
		if answer := l.ask(l.call(l.bob, "nobody-has-this", "X-CSRF-Token: "+l.bob.CSRF)); !strings.Contains(answer, "internal_error") {
			l.t.Errorf("under the lock the answer is %s", answer)
		}
		l.keepFiles("while the database is locked")
	})
	l.commands()
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(l.cmd.Process.Pid) + "/cmdline")
	if err != nil {
		l.t.Fatal(err)
	}
	l.seen["the process list"] = string(cmdline)
	if status := l.end(syscall.SIGTERM); status != 0 {
		l.t.Errorf("the server ended with %v", status)
	}
	l.seen["the log"] = l.log.String()
	l.setAside()
	l.keepFiles("at the end")
}
