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

// command is a command under way.
type command struct {
	cmd  *exec.Cmd
	said bytes.Buffer
	done chan struct{}
	err  error
}

func start(s *lossyfs.Site, in string, args ...string) *command {
	s.T.Helper()
	c := &command{cmd: s.Command(args...), done: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = strings.NewReader(in), &c.said, &c.said
	s.Must(c.cmd.Start())
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c
}

// Signal sends the command a signal.
func (c *command) Signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// Kill ends the command and returns when it is gone.
func (c *command) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// reportedDone tells, after its end, whether the command said that it is done.
func (c *command) reportedDone(t testing.TB) bool {
	t.Helper()
	<-c.done
	if code := harness.ExitCode(c.err); code > 0 {
		t.Fatalf("the command failed with %d: %s", code, c.said.String())
	}
	return c.err == nil
}

// during cuts the power at a random moment of a command, within so many operations of the disk, or every
// other time right after its end, and tells whether it was reported done.
func during(s *lossyfs.Site, round, operations int, in string, args ...string) (done bool) {
	s.T.Helper()
	if round%2 == 0 {
		c := start(s, in, args...)
		<-c.done
		s.Cut(lossyfs.Nothing, c)
		return c.reportedDone(s.T)
	}
	frozen := s.Disk.FreezeAfter(s.Rng.IntN(operations))
	c := start(s, in, args...)
	select {
	case <-frozen:
	case <-c.done:
	}
	s.Cut(lossyfs.Drawn, c)
	return c.reportedDone(s.T)
}

// TestTheFirstStartSurvivesACut cuts while the database is made.
func TestTheFirstStartSurvivesACut(t *testing.T) {
	t.Parallel()
	cuts, done := harness.Scale(8, 60), 0
	for i := range cuts {
		s := lossyfs.NewSite(t, 0)
		if during(s, i, 200, "", "db", "migrate") {
			done++
			if _, err := s.Copy().Run(nil, "db", "check"); err != nil {
				t.Fatalf("it was reported done: %v", err)
			}
		}
		srv := s.Serve()
		if _, err := s.Copy().Run(nil, "db", "check"); err != nil {
			t.Fatalf("after the start that followed: %v", err)
		}
		srv.Stop()
		s.Must(s.Disk.Unmount())
	}
	harness.Figures(t, "power first start", "cuts", cuts, "reported-done", done, "lost", 0)
}

// TestAnImportReportedDoneIsDurable cuts during an import, and right after its end. Again is once.
func TestAnImportReportedDoneIsDurable(t *testing.T) {
	t.Parallel()
	const accounts = 300
	cuts, done := harness.Scale(4, 30), 0
	s := lossyfs.NewSite(t, 1)
	for i := range cuts {
		var lines strings.Builder
		for n := range accounts {
			fmt.Fprintf(&lines, "{\"email\":\"import-%d-%d@example.com\"}\n", i, n)
		}
		if during(s, i, 1500, lines.String(), "user", "import", "-") {
			done++
			if n := users(s.Copy()); n != 1+(i+1)*accounts {
				t.Fatalf("seed %d: import %d was reported done, and %d accounts are there", s.Seed, i, n)
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
	harness.Figures(t, "power import", "seed", s.Seed, "cuts", cuts, "reported-done", done, "lost", 0)
}

func users(s *harness.Site) int {
	s.T.Helper()
	out, err := s.Run(nil, "user", "list", "-o", "json")
	if err != nil {
		s.T.Fatal(err)
	}
	return bytes.Count(out, []byte{'\n'})
}

// TestABackupReportedDoneIsWhole cuts during a backup of a store under load, and right after its end.
func TestABackupReportedDoneIsWhole(t *testing.T) {
	t.Parallel()
	const before, beside = 40, 40
	cuts, done := harness.Scale(5, 30), 0
	h := newHouse(t, 1+cuts*(before+beside))
	defer h.figures("backup", &h.worst.Acknowledged)
	later := h.ledger
	older := harness.NewLedger() // of what was acknowledged before a backup began
	for i := range cuts {
		h.ledger = older
		<-h.load(before)
		h.ledger = later
		name := fmt.Sprintf("backup-%d.db", i)
		loaded := h.load(beside)
		c := start(h.Site, "", "db", "backup", h.Dir+"/"+name)
		if i%2 == 0 { // right after its end
			<-c.done
			h.cut(lossyfs.Nothing, nil, closed, c)
		} else {
			h.cut(lossyfs.Drawn, h.Disk.FreezeAfter(h.Rng.IntN(400)), c.done, c)
		}
		<-loaded
		if c.reportedDone(t) {
			done++
			h.wholeBackup(name, older)
		}
		h.check()
	}
	h.ledger = older
	h.check()
	h.ledger = later
	h.check()
	harness.Figures(t, "power backups", "seed", h.Seed, "cuts", cuts, "reported-done", done, "broken", 0)
}

// wholeBackup holds a backup against what was acknowledged before it began.
func (h *house) wholeBackup(name string, older *harness.Ledger) {
	h.T.Helper()
	if _, there := h.Disk.Sizes()[name]; !there {
		h.T.Fatalf("seed %d: %s was reported done and is not there", h.Seed, name)
	}
	copied := h.Copy()
	h.Must(os.Rename(filepath.Join(copied.Dir, name), copied.Database))
	if err := os.Remove(copied.Database + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		h.Must(err)
	}
	v := copied.Check(older, false)
	if v.Acknowledged == 0 {
		h.T.Fatalf("seed %d: nothing was acknowledged before %s began: %v", h.Seed, name, older.Answers())
	}
	if v.Bad() {
		h.T.Fatalf("seed %d: %s was reported done: %d lost, %.3q, unsound: %q", h.Seed, name, len(v.Lost), first(v.Lost), v.Unsound)
	}
}

// TestWhatACommandReportsIsDurable cuts right after the end of a command; of what was not fsynced
// nothing survives.
func TestWhatACommandReportsIsDurable(t *testing.T) {
	t.Parallel()
	s := lossyfs.NewSite(t, 4)
	srv := s.Serve() // holds the WAL, so that a command's last connection does not checkpoint
	p := s.People
	attempt, err := json.Marshal(map[string]string{"user": p[1].ID, "code": p[0].Code, "at": "2026-01-31T12:00:00Z"})
	s.Must(err)
	for _, c := range []struct {
		in    string
		args  []string
		check []string
		want  string
	}{
		{"", []string{"user", "create", "--email", "new@example.com"}, []string{"user", "list"}, "new@example.com"},
		{"", []string{"code", "set", p[0].Email, "summer"}, []string{"code", "list", p[0].Email}, "summer"},
		{string(attempt), []string{"referral", "replay", "--from", "-"}, []string{"referral", "inspect", p[1].Email}, p[0].ID},
		{"", []string{"user", "disable", p[2].Email}, []string{"referral", "inspect", p[2].Email}, `"disabled_at":"`},
	} {
		if _, err := s.Run([]byte(c.in), c.args...); err != nil {
			t.Fatal(err)
		}
		s.Cut(lossyfs.Nothing, srv)
		out, err := s.Copy().Run(nil, append(c.check, "-o", "json")...)
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q was reported done; after the cut %q says %q, %v", c.args, c.check, out, err)
		}
		srv = s.Serve()
	}
}
