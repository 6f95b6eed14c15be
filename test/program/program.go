// Package program builds the real program for tests and runs its server and its commands.
package program

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var binary string

// Main runs the tests of a package with the program that TRIPORT_CONSOLE_BIN names, or else with one
// built for this run. It returns the exit code.
func Main(m *testing.M) int {
	if binary = os.Getenv("TRIPORT_CONSOLE_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "triport-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "create a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "triport-console")
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		return 1
	}
	return m.Run()
}

func build() error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/triport/triport-console").Output()
	if err != nil {
		return fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/triport-console")
	cmd.Dir = strings.TrimSpace(string(root))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// Path is the file of the program.
func Path() string { return binary }

// Server is a running server with its own database.
type Server struct {
	URL      string
	Config   string // file
	Database string // file

	t   *testing.T
	log bytes.Buffer
}

// Start starts a server on a free port of 127.0.0.1. config is YAML that is added to its configuration.
// The server stops at the end of the test. Its log is printed if the test failed.
func Start(t *testing.T, config string) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{t: t, Config: filepath.Join(dir, "config.yaml"), Database: filepath.Join(dir, "triport.db")}
	config = "listen: 127.0.0.1:0\ndatabase: " + s.Database + "\n" + config
	if err := os.WriteFile(s.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(binary, "serve", "--config", s.Config)
	serve.Stderr = &s.log
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(serve) })
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server printed %q (%v)", line, err)
	}
	s.URL = url
	return s
}

func (s *Server) stop(serve *exec.Cmd) {
	_ = serve.Process.Signal(syscall.SIGTERM)
	if err := serve.Wait(); err != nil {
		s.t.Errorf("the server exited with %v", err)
	}
	if s.t.Failed() {
		s.t.Logf("log of the server:\n%s", s.log.String())
	}
}

// Output runs a command with the server's configuration and returns what it prints. environment adds
// variables to those of the test.
func (s *Server) Output(environment []string, args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command(binary, append(args, "--config", s.Config)...)
	cmd.Env = append(os.Environ(), environment...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("triport-console %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// Run runs a command with the server's configuration and decodes its JSON result.
func (s *Server) Run(result any, args ...string) {
	s.t.Helper()
	if err := json.Unmarshal(s.Output(nil, append(args, "-o", "json")...), result); err != nil {
		s.t.Fatalf("triport-console %s: %v", strings.Join(args, " "), err)
	}
}

// User is an account with its permanent code.
type User struct{ ID, Email, Code string }

// User creates an account.
func (s *Server) User(name string) User {
	s.t.Helper()
	var u User
	s.Run(&u, "user", "create", "--email", name+"@example.com")
	return u
}

// Session has the values of a session's two cookies.
type Session struct {
	Token string `json:"nl_session"`
	CSRF  string `json:"nl_csrf"`
}

// Session creates a session.
func (s *Server) Session(u User) Session {
	s.t.Helper()
	var session Session
	s.Run(&session, "session", "create", u.ID)
	return session
}
