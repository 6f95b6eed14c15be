package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

func TestCreateRejectsFilesOfAnEarlierDatabase(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"-wal", ".spool", ".spool.1", ".spool.27"} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "triport.db")
			writeFile(t, path+suffix, "content")
			_, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
			if !errors.Is(err, sqlite.ErrLeftBehind) || !strings.Contains(err.Error(), "triport.db"+suffix) || !strings.Contains(err.Error(), "move them away") {
				t.Errorf("%v", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a database was created: %v", err)
			}
			if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.ReadWrite}); !errors.Is(err, sqlite.ErrNoDatabase) {
				t.Errorf("without creation: %v", err)
			}
		})
	}
}

func TestCreateIgnoresEmptyAndOtherFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "triport.db")
	for name, content := range map[string]string{"-wal": "", ".spool": "", ".spool.1": "", ".spool.bad": "x", ".spool.lock": "x", ".spool.": "x", "2-wal": "x"} {
		writeFile(t, path+name, content)
	}
	wantSound(t, reopen(t, path, sqlite.Create))
}

func TestCreateRejectsAnEmptyFileNextToASpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "data.db"), filepath.Join(dir, "triport.db")
	writeFile(t, file, "")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ path, left string }{
		{file, "data.db.spool"}, {link, "data.db.spool"}, {link, "data.db-wal"},
	} {
		name := filepath.Join(dir, test.left)
		writeFile(t, name, "content")
		_, err := sqlite.Open(t.Context(), test.path, sqlite.Options{Mode: sqlite.Create})
		if !errors.Is(err, sqlite.ErrLeftBehind) || !strings.Contains(err.Error(), test.left) {
			t.Errorf("%s next to %s: %v", test.left, filepath.Base(test.path), err)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackupRejectsNamesOfTheDatabase(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Symlink(filepath.Dir(path), dir); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".migrate.lock", ".spool", ".spool.1", ".spool.bad", ".spool.drain.lock"} {
		name := filepath.Base(path) + suffix
		for _, file := range []string{path + suffix, filepath.Join(dir, name), filepath.Dir(path) + "/./" + strings.ToUpper(name)} {
			if _, err := s.Backup(t.Context(), file); !errors.Is(err, sqlite.ErrBelongs) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if _, err := s.Backup(t.Context(), path+".spool-copy"); err != nil {
		t.Error(err)
	}
}

// A crash leaves a copy with this suffix, which an operator may open.
func TestBackupKeepsADatabaseWithTheNameOfItsUnfinishedCopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "triport.db"+engine.PartialSuffix)
	s := reopen(t, path, sqlite.Create)
	newUser(t, s, "ann")
	if _, err := s.Backup(t.Context(), strings.TrimSuffix(path, engine.PartialSuffix)); !errors.Is(err, sqlite.ErrBelongs) {
		t.Error(err)
	}
	wantSound(t, s)
}
