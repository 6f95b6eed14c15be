package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestOpenSaysWhatIsWrongWithTheFile(t *testing.T) {
	t.Parallel()
	modes := map[string]sqlite.Mode{"read only": sqlite.ReadOnly, "read and write": sqlite.ReadWrite, "create": sqlite.Create}
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want map[string]error // nil: it opens
	}{
		"missing": {
			func(*testing.T, string) {},
			map[string]error{"read only": sqlite.ErrNoDatabase, "read and write": sqlite.ErrNoDatabase, "create": nil},
		},
		"empty": {
			func(t *testing.T, path string) { writeFile(t, path, "") },
			map[string]error{"read only": sqlite.ErrEmpty, "read and write": sqlite.ErrEmpty, "create": nil},
		},
		"text": {
			func(t *testing.T, path string) {
				writeFile(t, path, "this is a diary, long enough to be taken for a page of something, and no database at all\n")
			},
			map[string]error{"read only": sqlite.ErrNotDatabase, "read and write": sqlite.ErrNotDatabase, "create": sqlite.ErrNotDatabase},
		},
		"another program's": {
			func(t *testing.T, path string) { tamper(t, path, `CREATE TABLE users (id)`) },
			map[string]error{"read only": sqlite.ErrNotDatabase, "read and write": sqlite.ErrNotDatabase, "create": sqlite.ErrNotDatabase},
		},
		"newer": {
			func(t *testing.T, path string) {
				if err := reopen(t, path, sqlite.Create).Close(); err != nil {
					t.Fatal(err)
				}
				tamper(t, path, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
			},
			map[string]error{"read only": sqlite.ErrNewerSchema, "read and write": sqlite.ErrNewerSchema, "create": sqlite.ErrNewerSchema},
		},
		"a migration cut short": {
			func(t *testing.T, path string) {
				tamper(t, path, `CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`,
					`INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`)
			},
			map[string]error{"read only": sqlite.ErrOlderSchema, "create": nil},
		},
		"a folder": {
			func(t *testing.T, path string) {
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			},
			map[string]error{"read only": sqlite.ErrNotDatabase, "create": sqlite.ErrNotDatabase},
		},
	} {
		for mode, want := range c.want {
			t.Run(name+", to "+mode, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "triport.db")
				c.make(t, path)
				s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: modes[mode]})
				if !errors.Is(err, want) || (err == nil) != (want == nil) {
					t.Errorf("got %v, want %v", err, want)
				}
				if err == nil {
					wantSound(t, s)
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestANewDatabaseIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	newPerson(t, s, "ann")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), info.Mode())
		}
	}
}

func TestAMigrationLeavesNoLockAndFollowsNoLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "triport.db")
	lock, victim := path+".migrate.lock", filepath.Join(dir, "victim")
	if err := os.Symlink(victim, lock); err != nil {
		t.Fatal(err)
	}
	if s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create}); err == nil {
		_ = s.Close()
		t.Error("it took a link for its lock")
	}
	if _, err := os.Lstat(victim); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("behind the link there is something: %v", err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	reopen(t, path, sqlite.Create)
	if _, err := os.Lstat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock is left: %v", err)
	}
}

func TestReadingAMissingDatabaseCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqlite.Open(t.Context(), filepath.Join(dir, "triport.db"), sqlite.Options{}); !errors.Is(err, sqlite.ErrNoDatabase) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

func TestProcessesThatCreateAtOnceAllOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "triport.db")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantSound(t, reopen(t, path, sqlite.ReadOnly))
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	attribute(t, s, bob.attempt(ann.code))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path, sqlite.Create)
	if from, to := s.SchemaVersions(); from != to || from == 0 {
		t.Errorf("schema %d to %d", from, to)
	}
	if v := wantSound(t, s); v.Attributions != 1 {
		t.Errorf("%+v", v)
	}
}

func TestAReadOnlyStoreRefusesToWrite(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann := newPerson(t, s, "ann")
	reader := reopen(t, path, sqlite.ReadOnly)
	if _, err := reader.CreateUser(t.Context(), auth.User{}); err == nil {
		t.Error("a user was created")
	}
	if _, err := reader.Attribute(t.Context(), ann.attempt("nobodys"), referral.Rules{}); err == nil {
		t.Error("an attempt was decided")
	}
}

func TestReadingWorksWhileAnotherProcessHoldsTheWriteLock(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann := newPerson(t, s, "ann")
	defer holdWriteLock(t, path)()
	if _, err := reopen(t, path, sqlite.ReadOnly).Inspect(t.Context(), ann.id, 10); err != nil {
		t.Error(err)
	}
}

// TestTheSchemaRefuses breaks each rule of the schema with a statement of its own.
func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	attribute(t, s, bob.attempt(ann.code))
	if _, err := s.SetSlug(t.Context(), ann.id, "slug", noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const nobody = "00000000-0000-4000-8000-000000000000"
	for name, statement := range map[string]string{
		"a second user with the e-mail address": `INSERT INTO users VALUES ('` + nobody + `', 'ann@example.com', '', 0, NULL)`,
		"an e-mail address in upper case":       `INSERT INTO users VALUES ('` + nobody + `', 'Ann@example.com', '', 0, NULL)`,
		"a user id that is no UUID":             `INSERT INTO users VALUES ('ann', 'x@example.com', '', 0, NULL)`,
		"a time as text":                        `INSERT INTO users VALUES ('` + nobody + `', 'x@example.com', '', 'today', NULL)`,
		"a session of nobody":                   `INSERT INTO sessions VALUES (zeroblob(32), '` + nobody + `', zeroblob(32), 0, 0, NULL)`,
		"a session token in the clear":          `INSERT INTO sessions VALUES (X'00', '` + ann.id + `', zeroblob(32), 0, 0, NULL)`,
		"a code of nobody":                      `INSERT INTO codes VALUES ('free', '` + nobody + `', 'custom', 0, NULL)`,
		"a code that exists":                    `INSERT INTO codes VALUES ('slug', '` + bob.id + `', 'custom', 0, NULL)`,
		"a second uid code":                     `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'uid', 0, NULL)`,
		"a second active slug":                  `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'custom', 0, NULL)`,
		"a disabled uid code":                   `UPDATE codes SET disabled_at = 1 WHERE kind = 'uid'`,
		"a code of another kind":                `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'gift', 0, NULL)`,
		"a code deleted":                        `DELETE FROM codes WHERE code = 'slug'`,
		"a code given away":                     `UPDATE codes SET user_id = '` + bob.id + `' WHERE code = 'slug'`,
		"a second referrer":                     `INSERT INTO attributions VALUES ('` + bob.id + `', '` + ann.id + `', 'slug', 0, 'x')`,
		"a self-referral":                       `INSERT INTO attributions VALUES ('` + ann.id + `', '` + ann.id + `', 'slug', 0, 'x')`,
		"an attribution by an unknown code":     `INSERT INTO attributions VALUES ('` + ann.id + `', '` + bob.id + `', 'nobodys', 0, 'x')`,
		"an event changed":                      `UPDATE events SET code = 'slug'`,
		"an event deleted":                      `DELETE FROM events`,
		"an event replaced":                     `INSERT OR REPLACE INTO events (seq, at, user_id, type) VALUES (1, 0, '` + ann.id + `', 'signup')`,
		"a refusal without a reason":            `INSERT INTO events (at, user_id, type) VALUES (0, '` + ann.id + `', 'rejected')`,
		"an event of nobody":                    `INSERT INTO events (at, user_id, type) VALUES (0, '` + nobody + `', 'first_paid')`,
		"an attempt's second signup": `INSERT INTO events (at, user_id, type, attempt_id)
			SELECT 0, user_id, 'signup', attempt_id FROM events WHERE type = 'signup'`,
	} {
		if err := sqlite.ExecForTest(path, statement); err == nil {
			t.Errorf("%s is accepted", name)
		} else if !sqlite.RefusedForTest(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
