package sqlite_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestOpenReportsWhatIsWrongWithTheFile(t *testing.T) {
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
		"a directory": {
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

func TestNewDatabaseIsReadableByOwnerOnly(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	newUser(t, s, "ann")
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

func TestMigrationLockIsRemovedAndFollowsNoLink(t *testing.T) {
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

func TestReadingMissingDatabaseCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := sqlite.Open(t.Context(), filepath.Join(dir, "triport.db"), sqlite.Options{}); !errors.Is(err, sqlite.ErrNoDatabase) {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

func TestConcurrentCreatesAllOpen(t *testing.T) {
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

func TestReopenedStoreHoldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
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

func TestReadOnlyStoreRejectsWrites(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann := newUser(t, s, "ann")
	reader := reopen(t, path, sqlite.ReadOnly)
	if _, err := reader.CreateUser(t.Context(), auth.User{}); err == nil {
		t.Error("a user was created")
	}
	if _, err := reader.Attribute(t.Context(), ann.attempt("unused-code"), referral.Rules{}); err == nil {
		t.Error("an attempt was decided")
	}
}

func TestReadsDoNotWaitForWriteLockOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann := newUser(t, s, "ann")
	defer holdWriteLock(t, path)()
	if _, err := reopen(t, path, sqlite.ReadOnly).Inspect(t.Context(), ann.id, 10); err != nil {
		t.Error(err)
	}
}

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	files, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := os.ReadDir("migrations/steps")
	if err != nil {
		t.Fatal(err)
	}
	files = append(slices.DeleteFunc(files, fs.DirEntry.IsDir), steps...)
	for i, f := range files {
		if number, _, _ := strings.Cut(f.Name(), "_"); number != fmt.Sprintf("%05d", i+1) {
			t.Errorf("%s is migration %d", f.Name(), i+1)
		}
	}
	s, _ := newStore(t)
	if _, to := s.SchemaVersions(); to != int64(len(files)) {
		t.Errorf("schema %d", to)
	}
}
