package power

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// command is a running command.
type command struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
	err  error
}

func start(s *lossyfs.Site, in string, args ...string) *command {
	s.T.Helper()
	c := &command{cmd: s.Command(args...), done: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(in), &c.out, &c.out
	s.Must(c.cmd.Start())
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c
}

// Signal sends the command a signal.
func (c *command) Signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// Kill kills the command and returns once it has ended.
func (c *command) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// reportedDone waits for the end of the command and reports whether it succeeded.
func (c *command) reportedDone(t testing.TB) bool {
	t.Helper()
	<-c.done
	if code := harness.ExitCode(c.err); code > 0 {
		t.Fatalf("the command failed with %d: %s", code, c.out.String())
	}
	return c.err == nil
}

// cutDuring cuts the power during a command, within that many operations of the disk, or in every other
// round right after its end. It reports whether the command reported success.
func cutDuring(s *lossyfs.Site, round, operations int, in string, args ...string) (done bool) {
	s.T.Helper()
	if round%2 == 0 {
		c := start(s, in, args...)
		<-c.done
		s.Cut(lossyfs.LoseAll, c)
		return c.reportedDone(s.T)
	}
	frozen := s.Disk.FreezeAfter(s.Rng.IntN(operations))
	c := start(s, in, args...)
	select {
	case <-frozen:
	case <-c.done:
	}
	s.Cut(lossyfs.Random, c)
	return c.reportedDone(s.T)
}

func TestPowerCutDuringCreationLeavesUsableDatabase(t *testing.T) {
	t.Parallel()
	cuts, done := harness.Scale(8, 60), 0
	for i := range cuts {
		s := lossyfs.NewSite(t, 0)
		if cutDuring(s, i, 200, "", "db", "migrate") {
			done++
			if _, err := s.Copy().Run(nil, "db", "check"); err != nil {
				t.Fatalf("it was reported done: %v", err)
			}
		}
		srv := s.StartServer()
		if _, err := s.Copy().Run(nil, "db", "check"); err != nil {
			t.Fatalf("after the start that followed: %v", err)
		}
		srv.Stop()
		s.Must(s.Disk.Unmount())
	}
	harness.Figures(t, "power/creation", "cuts", cuts, "reported-done", done, "lost", 0)
}

// The cut comes during an import or right after it. Importing again changes nothing.
func TestImportReportedDoneIsDurable(t *testing.T) {
	t.Parallel()
	const accounts = 300
	cuts, done := harness.Scale(4, 30), 0
	s := lossyfs.NewSite(t, 1)
	for i := range cuts {
		var lines strings.Builder
		for n := range accounts {
			fmt.Fprintf(&lines, "{\"email\":\"import-%d-%d@example.com\"}\n", i, n)
		}
		if cutDuring(s, i, 1500, lines.String(), "user", "import", "-") {
			done++
			if n := users(s.Copy()); n != 1+(i+1)*accounts {
				t.Fatalf("seed %d: import %d was reported done, but there are %d accounts", s.Seed, i, n)
			}
		}
		if _, err := s.Run([]byte(lines.String()), "user", "import", "-"); err != nil {
			t.Fatal(err)
		}
		after := s.Copy()
		if _, err := after.Run(nil, "db", "check"); err != nil || users(after) != 1+(i+1)*accounts {
			t.Fatalf("seed %d: after import %d and its repetition: %d accounts, %v", s.Seed, i, users(after), err)
		}
	}
	harness.Figures(t, "power/import", "seed", s.Seed, "cuts", cuts, "reported-done", done, "lost", 0)
}

func users(s *harness.Site) int {
	s.T.Helper()
	out, err := s.Run(nil, "user", "list", "-o", "json")
	if err != nil {
		s.T.Fatal(err)
	}
	return bytes.Count(out, []byte{'\n'})
}

// The cut comes during a backup under load or right after it.
func TestBackupReportedDoneIsComplete(t *testing.T) {
	t.Parallel()
	const before, during = 40, 40
	cuts, done := harness.Scale(5, 30), 0
	f := newFixture(t, 1+cuts*(before+during))
	defer f.figures("backup", &f.total.Acknowledged)
	later := f.ledger
	older := harness.NewLedger() // calls that ended before a backup began
	for i := range cuts {
		f.ledger = older
		<-f.load(before)
		f.ledger = later
		name := fmt.Sprintf("backup-%d.db", i)
		over := f.load(during)
		c := start(f.Site, "", "db", "backup", f.Dir+"/"+name)
		if i%2 == 0 { // right after its end
			<-c.done
			f.cut(lossyfs.LoseAll, nil, closed, c)
		} else {
			f.cut(lossyfs.Random, f.Disk.FreezeAfter(f.Rng.IntN(400)), c.done, c)
		}
		<-over
		if c.reportedDone(t) {
			done++
			f.checkBackup(name, older)
		}
		f.check()
	}
	f.ledger = older
	f.check()
	f.ledger = later
	f.check()
	harness.Figures(t, "power/backups", "seed", f.Seed, "cuts", cuts, "reported-done", done, "broken", 0)
}

// checkBackup compares a backup with what was acknowledged before it began.
func (f *fixture) checkBackup(name string, older *harness.Ledger) {
	f.T.Helper()
	if _, found := f.Disk.Sizes()[name]; !found {
		f.T.Fatalf("seed %d: %s was reported done but is missing", f.Seed, name)
	}
	copied := f.Copy()
	f.Must(os.Rename(filepath.Join(copied.Dir, name), copied.Database))
	if err := os.Remove(copied.Database + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		f.Must(err)
	}
	r := copied.Check(older, false)
	if r.Acknowledged == 0 {
		f.T.Fatalf("seed %d: nothing was acknowledged before %s began: %v", f.Seed, name, older.Answers())
	}
	if r.Failed() {
		f.T.Fatalf("seed %d: %s was reported done: %s", f.Seed, name, r.Summary())
	}
}

// The cut comes right after the end of a command, and only what was fsynced survives.
func TestCommandReportedDoneIsDurable(t *testing.T) {
	t.Parallel()
	s := lossyfs.NewSite(t, 4)
	srv := s.StartServer() // keeps the WAL open, so the command does not checkpoint at its end
	u := s.Users
	attempt, err := json.Marshal(map[string]string{"user": u[1].ID, "code": u[0].Code, "at": "2026-01-31T12:00:00Z"})
	s.Must(err)
	for _, c := range []struct {
		in    string
		args  []string
		check []string
		want  string
	}{
		{"", []string{"user", "create", "--email", "new@example.com"}, []string{"user", "list"}, "new@example.com"},
		{"", []string{"code", "set", u[0].Email, "summer"}, []string{"code", "list", u[0].Email}, "summer"},
		{string(attempt), []string{"referral", "replay", "--from", "-"}, []string{"referral", "inspect", u[1].Email}, u[0].ID},
		{"", []string{"user", "disable", u[2].Email}, []string{"referral", "inspect", u[2].Email}, `"disabled_at":"`},
	} {
		if _, err := s.Run([]byte(c.in), c.args...); err != nil {
			t.Fatal(err)
		}
		s.Cut(lossyfs.LoseAll, srv)
		out, err := s.Copy().Run(nil, append(c.check, "-o", "json")...)
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q was reported done; after the cut %q prints %q, %v", c.args, c.check, out, err)
		}
		srv = s.StartServer()
	}
}
