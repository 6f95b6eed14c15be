package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Site is an installation: a directory with a configuration and a database, and the people in it.
type Site struct {
	T        testing.TB
	Dir      string // of the database
	Database string
	Config   string // file
	People   []Person
}

// Person is an account with a code and a session.
type Person struct {
	ID, Email, Code string
	Session, CSRF   string // the tokens
}

// NewSite makes an installation whose database lies in dir; more are further lines of its
// configuration.
func NewSite(t testing.TB, dir string, more ...string) *Site {
	t.Helper()
	s := &Site{T: t, Dir: dir, Database: filepath.Join(dir, "triport.db"), Config: filepath.Join(t.TempDir(), "config.yaml")}
	lines := append([]string{"listen: 127.0.0.1:0", "database: " + s.Database}, more...)
	if err := os.WriteFile(s.Config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(nil, "db", "migrate"); err != nil {
		t.Fatal(err)
	}
	return s
}

// Command is a command of the program on this installation that has not been started.
func (s *Site) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append(args, "--config", s.Config)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

// Run runs a command to its end and returns its standard output. The error quotes what it said.
func (s *Site) Run(in []byte, args ...string) ([]byte, error) {
	cmd := s.Command(args...)
	cmd.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, out, said.Bytes())
	}
	return out, nil
}

// ExitCode returns the exit code that an error of Run stands for; -1 when the command was killed or
// never ran.
func ExitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

// Populate adds n people and signs them in.
func (s *Site) Populate(n int) {
	s.T.Helper()
	var users, names bytes.Buffer
	for i := range n {
		email := fmt.Sprintf("person-%06d@example.com", len(s.People)+i)
		fmt.Fprintf(&users, "{\"email\":%q}\n", email)
		fmt.Fprintln(&names, email)
	}
	if _, err := s.Run(users.Bytes(), "user", "import", "-"); err != nil {
		s.T.Fatal(err)
	}
	accounts := make(map[string]Person)
	s.lines(nil, func(dec *json.Decoder) error {
		var p Person
		err := dec.Decode(&p)
		accounts[p.ID] = p
		return err
	}, "user", "list")
	s.lines(names.Bytes(), func(dec *json.Decoder) error {
		var made struct {
			ID      string `json:"user_id"`
			Session string `json:"nl_session"`
			CSRF    string `json:"nl_csrf"`
		}
		if err := dec.Decode(&made); err != nil {
			return err
		}
		p := accounts[made.ID]
		p.Session, p.CSRF = made.Session, made.CSRF
		s.People = append(s.People, p)
		return nil
	}, "session", "create", "-")
}

// lines runs a command and gives each its JSON values one after the other.
func (s *Site) lines(in []byte, each func(*json.Decoder) error, args ...string) {
	s.T.Helper()
	out, err := s.Run(in, append(args, "-o", "json")...)
	for dec := json.NewDecoder(bytes.NewReader(out)); err == nil; {
		err = each(dec)
	}
	if !errors.Is(err, io.EOF) {
		s.T.Fatal(err)
	}
}
