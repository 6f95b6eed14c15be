package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// recovered waits until the attempts are taken, as draining the spool does.
func recovered(t testing.TB, s *sqlite.Store, attempts ...referral.Attempt) []referral.Verdict {
	t.Helper()
	var verdicts []referral.Verdict
	for i := range attempts {
		attempts[i].Source = referral.SourceSpool
	}
	eventually(t, func() (err error) {
		verdicts, err = s.Replay(t.Context(), attempts, referral.Rules{})
		return err
	})
	return verdicts
}

// eventually tries until there is no error.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// wantOK fails the test unless the store serves, is ready, and is sound.
func wantOK(t testing.TB, s *sqlite.Store, session auth.Session) referral.Verification {
	t.Helper()
	if got, err := s.FindSession(t.Context(), session.Token); err != nil || got.UserID != session.UserID {
		t.Errorf("the session is not found: %v", err)
	}
	if missing := s.NotReady(t.Context()); len(missing) > 0 {
		t.Errorf("not ready: %v", missing)
	}
	return wantSound(t, s)
}

// wantDurable opens a copy of the database and its WAL, as they would be found after the process was
// killed, and fails the test unless it holds as many attributions.
func wantDurable(t testing.TB, path string, want int64) {
	t.Helper()
	found := filepath.Join(t.TempDir(), "triport.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(found+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if v := wantSound(t, reopen(t, found, sqlite.ReadWrite)); v.Attributions != want {
		t.Errorf("%d attributions after a kill instead of %d", v.Attributions, want)
	}
}

// A replicator, for example, reads for as long as it lives: only the WAL has to wait for it.
func TestReaderInAnotherProcessDelaysOnlyWritesOfRecovery(t *testing.T) {
	t.Parallel()
	logged, s, path := newLoggedStore(t)
	all := newUsers(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	release := holdSnapshot(t, path)
	s.FailFsync(t.Context())
	eventually(t, func() error {
		if !strings.Contains(logged.String(), "another process reads the write-ahead log") {
			return errors.New("the WAL was not held up")
		}
		return nil
	})
	for range 20 {
		if _, err := s.FindSession(t.Context(), session.Token); err != nil {
			t.Fatalf("a session was not found: %v", err)
		}
	}
	a := all[2].attempt(all[0].code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("acknowledged behind pages that the disk may not have")
	}
	release()
	if v := recovered(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantOK(t, s, session)
}

// An operator who believed that the file is lost would put an old backup over a good file. A ring of links
// has the effect of a directory without permission, which root does not notice.
func TestFileThatCannotBeCheckedIsNotLost(t *testing.T) {
	t.Parallel()
	logged, s, path := newLoggedStore(t)
	all := newUsers(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	rename(t, path, path+".away")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	missed := all[1].attempt(all[0].code)
	if o, err := s.Attribute(t.Context(), missed, referral.Rules{}); err == nil {
		t.Errorf("acknowledged: %+v", o)
	}
	if got := logged.String(); strings.Contains(got, "replaced") || !strings.Contains(got, "cannot be checked") || s.Err() != nil {
		t.Errorf("lost: %v, logged %s", s.Err(), got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rename(t, path+".away", path)
	recovered(t, s, missed)
	wantOK(t, s, session)
}

func TestFullDiskIsLoggedOnceAndRecovers(t *testing.T) {
	t.Parallel()
	logged, s, _ := newLoggedStore(t)
	all := newUsers(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	room := s.FillDisk(t.Context())
	var missed []referral.Attempt
	for range 3 {
		a := all[1].attempt(strings.Repeat("x", 32))
		if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err != nil {
			missed = append(missed, a)
		}
		for i := range 600 { // each rejection takes room, until there is none; the limit is one of a day
			a := all[2].attempt(strings.Repeat("y", 32))
			a.At = noon.Add(time.Duration(i) * 24 * time.Hour)
			if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err != nil {
				missed = append(missed, a)
			}
		}
	}
	if len(missed) == 0 {
		t.Fatal("the disk was never full")
	}
	if _, err := s.FindSession(t.Context(), session.Token); err != nil {
		t.Errorf("a full disk keeps sessions from being looked up: %v", err)
	}
	if got := strings.Count(logged.String(), "database unavailable"); got != 1 {
		t.Errorf("logged %d times", got)
	}
	room()
	recovered(t, s, missed...)
	eventually(t, func() error {
		recovered(t, s, missed...)
		if !strings.Contains(logged.String(), "database available again") {
			return errors.New("the log does not say that the database is available")
		}
		return nil
	})
	wantOK(t, s, session)
}

func TestRepairedPageIsReadAgain(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path, sqlite.Create)
	repairUsers, repairSessions := damage(t, path, "users"), damage(t, path, "sessions")
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("decided on a damaged page")
	}
	if _, err := s.FindSession(t.Context(), session.Token); err == nil || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("looked up on a damaged page: %v", err)
	}
	repairUsers()
	repairSessions()
	if v := recovered(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantOK(t, s, session)
}

// damage overwrites the root page of a table and returns what puts it back.
func damage(t testing.TB, path, table string) (repair func()) {
	t.Helper()
	const pageSize = 4096
	page := rootPage(t, path, table)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // closing it earlier would take SQLite's locks away
	good := make([]byte, pageSize)
	if _, err := f.ReadAt(good, (page-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if _, err := f.WriteAt(b, (page-1)*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	write(slices.Repeat([]byte{0xff}, pageSize))
	return func() { write(good) }
}

func TestHangingReadDelaysRecoveryOnly(t *testing.T) {
	t.Parallel()
	logged, s, _ := newLoggedStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	release := s.HoldReaders()
	s.FailFsync(t.Context())
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("acknowledged by a failed store")
	}
	eventually(t, func() error {
		if got := logged.messages(); len(got) == 0 {
			return errors.New("not logged")
		}
		return nil
	})
	release()
	if v := recovered(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantOK(t, s, session)
}

func TestFailedStoreClosesWithoutACheckpoint(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	attribute(t, s, bob.attempt(ann.code))
	before := readFile(t, path)
	s.FailFsync(t.Context())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if readFile(t, path) != before {
		t.Error("the database was written after a failed fsync")
	}
	wantDurable(t, path, 1)
}
