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

// Site is an installation: a configuration, a database, and its users.
type Site struct {
	T        testing.TB
	Dir      string // of the database
	Database string
	Config   string // file
	Users    []User
}

// User is an account with a code and a session.
type User struct {
	ID, Email, Code string
	Session, CSRF   string // tokens
}

// NewSite creates a site whose database is in dir. more are additional lines of its configuration.
func NewSite(t testing.TB, dir string, more ...string) *Site {
	t.Helper()
	s := NewConfig(t, dir, more...)
	if _, err := s.Run(nil, "db", "migrate"); err != nil {
		t.Fatal(err)
	}
	return s
}

// NewConfig is NewSite without a database.
func NewConfig(t testing.TB, dir string, more ...string) *Site {
	t.Helper()
	s := &Site{T: t, Dir: dir, Database: filepath.Join(dir, "triport.db"), Config: filepath.Join(t.TempDir(), "config.yaml")}
	lines := append([]string{"listen: 127.0.0.1:0", "database: " + s.Database}, more...)
	if err := os.WriteFile(s.Config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// Command returns a command of the program on this site. It is not started.
func (s *Site) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append(args, "--config", s.Config)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	return cmd
}

// Run runs a command and returns its standard output. The error quotes both streams.
func (s *Site) Run(in []byte, args ...string) ([]byte, error) {
	cmd := s.Command(args...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.Bytes())
	}
	return out, nil
}

// ExitCode returns the exit code of an error of Run; -1 if a signal ended the command or it never ran.
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

// SpoolFiles returns the files of the spool that hold attempts. It looks at the spool itself before the segments: a
// drain renames it to a segment at any time, and attempts must not be missed between two looks.
func (s *Site) SpoolFiles() (files []string) {
	add := func(name string) {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			files = append(files, name)
		}
	}
	add(s.Database + ".spool")
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		s.T.Fatal(err)
	}
	for _, e := range entries {
		if name := filepath.Join(s.Dir, e.Name()); IsSpoolFile(e.Name()) && name != s.Database+".spool" {
			add(name)
		}
	}
	return files
}

// IsSpoolFile reports whether a file of that name holds spooled attempts.
func IsSpoolFile(name string) bool {
	rest, ok := strings.CutPrefix(name, "triport.db.spool")
	return ok && strings.Trim(rest, ".0123456789") == ""
}

// WaitDrained waits until the spool is empty.
func (s *Site) WaitDrained() {
	s.T.Helper()
	WaitFor(s.T, "the spool is empty", func() bool { return len(s.SpoolFiles()) == 0 })
}

// AddUsers creates n accounts, each with a session.
func (s *Site) AddUsers(n int) {
	s.T.Helper()
	var lines, emails bytes.Buffer
	for i := range n {
		email := fmt.Sprintf("user-%06d@example.com", len(s.Users)+i)
		fmt.Fprintf(&lines, "{\"email\":%q}\n", email)
		fmt.Fprintln(&emails, email)
	}
	if _, err := s.Run(lines.Bytes(), "user", "import", "-"); err != nil {
		s.T.Fatal(err)
	}
	accounts := make(map[string]User)
	s.decode(nil, func(dec *json.Decoder) error {
		var u User
		err := dec.Decode(&u)
		accounts[u.ID] = u
		return err
	}, "user", "list")
	s.decode(emails.Bytes(), func(dec *json.Decoder) error {
		var created struct {
			ID      string `json:"user_id"`
			Session string `json:"nl_session"`
			CSRF    string `json:"nl_csrf"`
		}
		if err := dec.Decode(&created); err != nil {
			return err
		}
		u := accounts[created.ID]
		u.Session, u.CSRF = created.Session, created.CSRF
		s.Users = append(s.Users, u)
		return nil
	}, "session", "create", "-")
}

// decode runs a command and calls each until its JSON output ends.
func (s *Site) decode(in []byte, each func(*json.Decoder) error, args ...string) {
	s.T.Helper()
	out, err := s.Run(in, append(args, "-o", "json")...)
	for dec := json.NewDecoder(bytes.NewReader(out)); err == nil; {
		err = each(dec)
	}
	if !errors.Is(err, io.EOF) {
		s.T.Fatal(err)
	}
}
