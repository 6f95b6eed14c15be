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

// healed waits until the attempt is taken, as draining the spool does.
func healed(t testing.TB, s *sqlite.Store, attempts ...referral.Attempt) []referral.Verdict {
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

// wantSick fails the test unless nothing is acknowledged, nobody is signed out, and readiness says why.
func wantSick(t testing.TB, s *sqlite.Store, a referral.Attempt, session auth.Session, why string) {
	t.Helper()
	if o, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Errorf("acknowledged: %+v", o)
	}
	if _, err := s.FindSession(t.Context(), session.Token); err == nil || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a session was looked up: %v", err)
	}
	if missing := strings.Join(s.NotReady(t.Context()), "; "); !strings.Contains(missing, why) {
		t.Errorf("readiness says %q instead of %q", missing, why)
	}
}

// wantWell fails the test unless the store serves, is ready, and is sound.
func wantWell(t testing.TB, s *sqlite.Store, session auth.Session) referral.Verification {
	t.Helper()
	if got, err := s.FindSession(t.Context(), session.Token); err != nil || got.UserID != session.UserID {
		t.Errorf("the session is not found: %v", err)
	}
	if missing := s.NotReady(t.Context()); len(missing) > 0 {
		t.Errorf("not ready: %v", missing)
	}
	return wantSound(t, s)
}

// wantDurable opens what stands under the database's name and its companions', as it would be found
// after the process was killed, and fails the test unless it holds as many attributions.
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

func TestADatabaseMovedAwayAndBackIsServedAgain(t *testing.T) {
	t.Parallel()
	logged, s, path := openLogged(t)
	all := people(t, s, 4)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	rename(t, path, elsewhere)
	missed := all[2].attempt(all[0].code)
	wantSick(t, s, missed, session, "removed or replaced")
	rename(t, elsewhere, path)
	if v := healed(t, s, missed); !v[0].Outcome.Attributed && !v[0].Known {
		t.Errorf("%+v", v)
	}
	attribute(t, s, all[3].attempt(all[0].code))
	if v := wantWell(t, s, session); v.Attributions != 3 {
		t.Errorf("%+v", v)
	}
	wantDurable(t, path, 3)
	if got, want := logged.messages(), []string{"the store is sick", "the store is well again"}; !slices.Equal(got, want) {
		t.Errorf("logged %q", got)
	}
}

func TestARemovedDatabaseIsReplacedByABackupWithoutARestart(t *testing.T) {
	t.Parallel()
	_, s, path := openLogged(t)
	all := people(t, s, 5)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	backup := filepath.Join(filepath.Dir(path), "backup.db")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	attribute(t, s, all[2].attempt(all[0].code)) // gone with the file
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	missed := all[3].attempt(all[0].code)
	wantSick(t, s, missed, session, "removed or replaced")
	rename(t, backup, path)
	if v := healed(t, s, missed); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	attribute(t, s, all[4].attempt(all[0].code))
	if v := wantWell(t, s, session); v.Attributions != 3 {
		t.Errorf("%+v", v)
	}
	wantDurable(t, path, 3)
}

func TestADatabaseReplacedInOneStepAnswersTheNextLookUp(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	kept, revoked := newSession(t, s, ann.id, time.Hour), newSession(t, s, bob.id, time.Hour)
	backup := filepath.Join(filepath.Dir(path), "backup.db")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	tamper(t, backup, `UPDATE sessions SET revoked_at = 1 WHERE user_id = '`+bob.id+`'`)
	if got, err := s.FindSession(t.Context(), revoked.Token); err != nil || !got.RevokedAt.IsZero() {
		t.Fatal(got, err)
	}
	rename(t, backup, path)
	if got, err := s.FindSession(t.Context(), revoked.Token); err != nil || got.RevokedAt.IsZero() {
		t.Errorf("the old file is believed: %+v %v", got, err)
	}
	attribute(t, s, bob.attempt(ann.code))
	wantWell(t, s, kept)
}

// TestTheLogOfAReplacedDatabaseIsNeitherMixedNorLost: SQLite plays any log that it finds beside a
// database into it.
func TestTheLogOfAReplacedDatabaseIsNeitherMixedNorLost(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	all := people(t, s, 40)
	backup := filepath.Join(filepath.Dir(path), "backup.db")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	for _, p := range all[1:] {
		attribute(t, s, p.attempt(all[0].code))
	}
	old := filepath.Join(filepath.Dir(path), "old.db")
	rename(t, path, old)
	rename(t, backup, path)
	healed(t, s, all[1].attempt(all[0].code))
	if v := wantSound(t, s); v.Attributions != 1 {
		t.Errorf("the backup holds %+v", v)
	}
	wantDurable(t, path, 1)
	for _, suffix := range []string{"-wal", "-shm"} {
		rename(t, path+suffix+".replaced", old+suffix)
	}
	if v := wantSound(t, reopen(t, old, sqlite.ReadWrite)); v.Attributions != int64(len(all)-1) {
		t.Errorf("the database that was moved away holds %+v", v)
	}
}

func TestAFileThatIsNotServedSaysWhyAndHarmsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put func(t *testing.T, path string)
		why string
	}{
		"text": {func(t *testing.T, path string) {
			writeFile(t, path, strings.Repeat("a diary and no database at all\n", 400))
		}, "not a database of this program"},
		"empty":             {func(t *testing.T, path string) { writeFile(t, path, "") }, "db migrate"},
		"another program's": {func(t *testing.T, path string) { tamper(t, path, `CREATE TABLE users (id)`) }, "not a database of this program"},
		"a newer schema": {func(t *testing.T, path string) {
			if err := reopen(t, path, sqlite.Create).Close(); err != nil {
				t.Fatal(err)
			}
			tamper(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		}, "newer version of this program"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
		"half a copy": {func(t *testing.T, path string) {
			whole := filepath.Join(t.TempDir(), "whole.db")
			if err := reopen(t, whole, sqlite.Create).Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(whole)
			if err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, string(b[:len(b)-4096]))
		}, "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logged, s, path := openLogged(t)
			all := people(t, s, 4)
			session := newSession(t, s, all[0].id, time.Hour)
			attribute(t, s, all[1].attempt(all[0].code))
			other, mine := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "mine")
			c.put(t, other)
			rename(t, path, mine)
			rename(t, other, path)
			missed := all[2].attempt(all[0].code)
			wantSick(t, s, missed, session, c.why)
			if !strings.Contains(logged.String(), c.why) {
				t.Errorf("the log does not say %q: %s", c.why, logged)
			}
			rename(t, path, other)
			rename(t, mine, path)
			healed(t, s, missed)
			attribute(t, s, all[3].attempt(all[0].code))
			if v := wantWell(t, s, session); v.Attributions != 3 {
				t.Errorf("%+v", v)
			}
			wantDurable(t, path, 3)
		})
	}
}

func TestNothingAcknowledgedIsLostWithTheCompanions(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"-wal", "-shm"} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			s, path := openStore(t)
			all := people(t, s, 4)
			session := newSession(t, s, all[0].id, time.Hour)
			attribute(t, s, all[1].attempt(all[0].code))
			if err := os.Remove(path + suffix); err != nil {
				t.Fatal(err)
			}
			missed := all[2].attempt(all[0].code)
			if o, err := s.Attribute(t.Context(), missed, referral.Rules{}); !errors.Is(err, sqlite.ErrReplaced) {
				t.Errorf("acknowledged into a file without a name: %+v %v", o, err)
			}
			healed(t, s, missed)
			attribute(t, s, all[3].attempt(all[0].code))
			wantWell(t, s, session)
			wantDurable(t, path, 3)
		})
	}
}

// TestARemovedLogIsNoticedByTheNextLookUp: a connection that is opened then would find an empty log.
func TestARemovedLogIsNoticedByTheNextLookUp(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	attribute(t, s, bob.attempt(ann.code))
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	wantWell(t, s, session)
	wantDurable(t, path, 1)
}
