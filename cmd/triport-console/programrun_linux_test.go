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

// programRun is a database with users, a server that logs everything, and every command run once, under umask 0.
// It keeps all output.
type programRun struct {
	t    *testing.T
	dir  string
	env  []string
	seen map[string]string // all output, by its place
	ran  []string          // the command lines
	ann  user              // the referrer
	bob  user              // the invitee
	cmd  *exec.Cmd         // the server
	addr string            // where it listens
	log  *bytes.Buffer     // its stderr; read it only after the end
}

// user is an account with a session.
type user struct {
	ID, Email, Code string
	Session         string `json:"nl_session"`
	CSRF            string `json:"nl_csrf"`
}

func newRun(t *testing.T, environment ...string) *programRun {
	t.Helper()
	dir := t.TempDir()
	r := &programRun{t: t, dir: dir, seen: make(map[string]string), env: append([]string{
		"HOME=" + dir, "TMPDIR=" + dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		"TRIPORT_LOG_LEVEL=debug", "TRIPORT_REFERRAL_DEADLINE=50ms",
	}, environment...)}
	r.ann, r.bob = r.newUser("ann@example.com"), r.newUser("bob@example.com")
	return r
}

// newUser creates an account with a session. The cookies may appear only on stdout of these commands.
func (r *programRun) newUser(email string) user {
	r.t.Helper()
	var u user
	for _, args := range [][]string{{"user", "create", "--email", email}, {"session", "create", email}} {
		stdout, stderr := r.run(0, "", append(args, "-o", "json")...)
		if err := json.Unmarshal([]byte(stdout), &u); err != nil {
			r.t.Fatal(err)
		}
		r.seen["stderr of "+args[0]+" "+args[1]] += stderr
	}
	return u
}

// command prepares the program, to run after the prelude in a shell.
func (r *programRun) command(prelude string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), "sh", append([]string{"-c", prelude + ` && exec "$0" "$@"`, program}, args...)...)
	cmd.Dir, cmd.Env = r.dir, r.env
	return cmd
}

// run runs a command and requires the exit code.
func (r *programRun) run(code int, stdin string, args ...string) (stdout, stderr string) {
	r.t.Helper()
	r.ran = append(r.ran, strings.Join(args, " "))
	cmd := r.command("umask 0", args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		r.t.Errorf("%q: exit code %d, want %d: %s", args, got, code, errs.String())
	}
	return out.String(), errs.String()
}

// do runs a command whose output must contain no secret.
func (r *programRun) do(args ...string) {
	r.t.Helper()
	stdout, stderr := r.run(0, "", args...)
	r.seen[strings.Join(args, " ")] = stdout + stderr
}

// serve starts the server and waits until it listens.
func (r *programRun) serve(prelude string) {
	r.t.Helper()
	r.ran = append(r.ran, "serve")
	r.cmd, r.log = r.command(prelude, "serve", "--listen", "127.0.0.1:0", "-o", "text"), &bytes.Buffer{}
	r.cmd.Stderr = r.log
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !ok {
		_ = r.cmd.Wait()
		r.t.Fatalf("the server prints %q (%v): %s", line, err, r.log.String())
	}
	r.addr = address
}

// end sends the server a signal and returns how it ended.
func (r *programRun) end(with syscall.Signal) syscall.WaitStatus {
	r.t.Helper()
	if err := r.cmd.Process.Signal(with); err != nil {
		r.t.Fatal(err)
	}
	_ = r.cmd.Wait() // how it ended is what is returned
	return r.cmd.ProcessState.Sys().(syscall.WaitStatus)
}

// ask sends bytes on a new connection, closes its sending side, and returns the complete answer.
func (r *programRun) ask(raw string) string {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		r.t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		r.t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		r.t.Fatalf("%.60q: %v after %q", raw, err, answer)
	}
	return string(answer)
}

// whileLocked holds the write lock of the database during f.
func (r *programRun) whileLocked(f func()) {
	r.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "triport.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		r.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(r.t.Context(), "BEGIN IMMEDIATE"); err != nil {
		r.t.Fatal(err)
	}
	f()
	if err := db.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// keepFiles keeps the contents of all files.
func (r *programRun) keepFiles(when string) {
	r.t.Helper()
	for name, content := range r.files() {
		r.seen["the file "+name+" "+when] = content
	}
}

func (r *programRun) files() map[string]string {
	r.t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(r.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // drained just now
		}
		files[strings.TrimPrefix(path, r.dir+"/")] = string(content)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return files
}

// everything uses everything that the program can do, once.
func (r *programRun) everything() {
	r.t.Helper()
	r.serve("umask 0")
	r.requests()
	r.whileLocked(func() {
		if answer := r.ask(r.call(r.bob, "nobody-has-this", "X-CSRF-Token: "+r.bob.CSRF)); !strings.Contains(answer, "internal_error") {
			r.t.Errorf("under the lock the answer is %s", answer)
		}
		r.keepFiles("while the database is locked")
	})
	r.commands()
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(r.cmd.Process.Pid) + "/cmdline")
	if err != nil {
		r.t.Fatal(err)
	}
	r.seen["the process list"] = string(cmdline)
	if status := r.end(syscall.SIGTERM); status != 0 {
		r.t.Errorf("the server ended with %v", status)
	}
	r.seen["the log"] = r.log.String()
	r.moveToDeadLetters()
	r.keepFiles("at the end")
}
