package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// wantLost fails the test unless the store acknowledges nothing, looks up no session, and reports the loss.
func wantLost(t *testing.T, s *sqlite.Store, a referral.Attempt, session auth.Session) {
	t.Helper()
	if o, err := s.Attribute(t.Context(), a, referral.Rules{}); !errors.Is(err, sqlite.ErrReplaced) {
		t.Errorf("attribute: %+v %v", o, err)
	}
	select {
	case <-s.Lost():
	default:
		t.Error("the loss is not reported")
	}
	if err := s.Err(); !errors.Is(err, sqlite.ErrReplaced) {
		t.Errorf("Err is %v", err)
	}
	if _, err := s.FindSession(t.Context(), session.Token); !errors.Is(err, sqlite.ErrReplaced) {
		t.Errorf("find session: %v", err)
	}
	if _, err := s.Replay(t.Context(), []referral.Attempt{a}, referral.Rules{}); !errors.Is(err, sqlite.ErrReplaced) {
		t.Errorf("replay: %v", err)
	}
	if found := strings.Join(s.NotReady(t.Context()), "; "); !strings.Contains(found, "removed or replaced") {
		t.Errorf("not ready: %q", found)
	}
}

// remove removes a file.
func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// newDatabase creates a complete database with one user at path, without companions.
func newDatabase(t *testing.T, path string) {
	t.Helper()
	s := reopen(t, path, sqlite.Create)
	newUser(t, s, "zoe")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReplacedDatabaseIsLostAndTheOtherFileUntouched(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(t *testing.T, path string){
		"nothing":           func(*testing.T, string) {},
		"text":              func(t *testing.T, path string) { writeFile(t, path, strings.Repeat("not a database\n", 800)) },
		"an empty file":     func(t *testing.T, path string) { writeFile(t, path, "") },
		"another program's": func(t *testing.T, path string) { tamper(t, path, `CREATE TABLE users (id)`) },
		"another database":  newDatabase,
		"a newer schema": func(t *testing.T, path string) {
			newDatabase(t, path)
			tamper(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
		},
		"half a copy": func(t *testing.T, path string) {
			newDatabase(t, path)
			b := readFile(t, path)
			writeFile(t, path, b[:len(b)-4096])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := newStore(t)
			all := newUsers(t, s, 3)
			session := newSession(t, s, all[0].id, time.Hour)
			attribute(t, s, all[1].attempt(all[0].code))
			other, mine := filepath.Join(t.TempDir(), "other"), path+".away"
			put(t, other)
			content := readFile(t, other)
			rename(t, path, mine)
			if content != "" || name == "an empty file" {
				rename(t, other, path)
			}
			wantLost(t, s, all[2].attempt(all[0].code), session)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if got := readFile(t, path); got != content {
				t.Error("the file in the database's place has changed")
			}
			rename(t, mine, path)
			if v := wantSound(t, reopen(t, path, sqlite.ReadWrite)); v.Attributions < 1 || v.Attributions > 2 {
				t.Errorf("the database that was moved away holds %+v", v)
			}
		})
	}
}

func TestIdleStoreNoticesRemovedFiles(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		t.Run("database"+suffix, func(t *testing.T) {
			t.Parallel()
			s, path := newStore(t)
			remove(t, path+suffix)
			select {
			case <-s.Lost():
			case <-time.After(20 * time.Second):
				t.Error("not noticed")
			}
		})
	}
}

func TestSwitchedSymbolicLinkIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "link.db")
	newDatabase(t, filepath.Join(dir, "one.db"))
	newDatabase(t, filepath.Join(dir, "two.db"))
	if err := os.Symlink("one.db", link); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, link, sqlite.Create)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	remove(t, link)
	if err := os.Symlink("two.db", link); err != nil {
		t.Fatal(err)
	}
	wantLost(t, s, bob.attempt(ann.code), session)
}

// SQLite plays any WAL that it finds next to a database into it, and the service manager restarts at once.
func TestWALOfReplacedDatabaseIsNeitherLostNorMixed(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	all := newUsers(t, s, 40)
	session := newSession(t, s, all[0].id, time.Hour)
	backup, old := path+".backup", path+".old"
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	for _, u := range all[2:] {
		attribute(t, s, u.attempt(all[0].code))
	}
	rename(t, path, old)
	rename(t, backup, path)
	wantLost(t, s, all[1].attempt(all[0].code), session)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v := wantSound(t, reopen(t, path, sqlite.Create)); v.Attributions != 0 {
		t.Errorf("the backup holds %+v", v)
	}
	if v := wantSound(t, reopen(t, old, sqlite.ReadWrite)); v.Attributions < int64(len(all)-2) {
		t.Errorf("the database that was moved away holds %+v", v)
	}
}

func TestCloseLeavesWALOfReplacementAlone(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	other, otherPath := newStore(t)
	newUsers(t, other, 3)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		rename(t, path+suffix, path+".away"+suffix)
	}
	content := map[string]string{"": readFile(t, otherPath), "-wal": readFile(t, otherPath+"-wal")}
	for suffix, c := range content {
		writeFile(t, path+suffix, c)
	}
	wantLost(t, s, bob.attempt(ann.code), session)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range content {
		if readFile(t, path+suffix) != want {
			t.Errorf("triport.db%s has changed", suffix)
		}
	}
	wantSound(t, reopen(t, path+".away", sqlite.ReadWrite))
}

// lostCompanion makes an attribution, takes a companion away, and returns the attempt that failed then.
func lostCompanion(t *testing.T, take func(t *testing.T, path string)) (path string, missed referral.Attempt) {
	t.Helper()
	s, path := newStore(t)
	all := newUsers(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	take(t, path)
	missed = all[2].attempt(all[0].code)
	wantLost(t, s, missed, session)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return path, missed
}

func TestNothingAcknowledgedIsLostWithTheCompanions(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(t *testing.T, path string){
		"wal removed": func(t *testing.T, path string) { remove(t, path+"-wal") },
		"shm removed": func(t *testing.T, path string) { remove(t, path+"-shm") },
		"wal replaced by an empty file": func(t *testing.T, path string) {
			remove(t, path+"-wal")
			writeFile(t, path+"-wal", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, missed := lostCompanion(t, take)
			s := reopen(t, path, sqlite.Create)
			recovered(t, s, missed)
			if v := wantSound(t, s); v.Attributions != 2 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// Two WALs hold commits that belong to one database: neither may be played over the other.
func TestCloseLeavesWALThatAnotherProcessBeganAlone(t *testing.T) {
	t.Parallel()
	const foreign = "the WAL of another process"
	path, _ := lostCompanion(t, func(t *testing.T, path string) {
		remove(t, path+"-wal")
		writeFile(t, path+"-wal", foreign)
	})
	if got := readFile(t, path+"-wal"); got != foreign {
		t.Errorf("the WAL is now %q", got)
	}
}
