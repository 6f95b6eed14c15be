package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite"
)

// A killed backup leaves a partial copy that was never renamed. Here it is longer than the copy.
func TestBackupReplacesPartialFileOfKilledBackup(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	if err := os.WriteFile(file+".partial", make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	size, err := s.Backup(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v; %d bytes were reported", info, err, size)
	}
	if _, err := os.Lstat(file + ".partial"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the partial copy is still there: %v", err)
	}
}

// These names have a meaning to SQLite.
func TestBackupTakesFileNamesLiterally(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	t.Chdir(dir)
	for _, file := range []string{"file:x.db", "file:x.db?mode=memory", ":memory:", "-", "a b%41?.db"} {
		size, err := s.Backup(t.Context(), file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		info, err := os.Stat(file)
		if err != nil || size == 0 || info.Size() != size || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; %d bytes were reported", file, info, err, size)
		}
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) > 0 {
			t.Errorf("%s: next to it is %q, %v", file, left, err)
		}
	}
}

func TestInterruptedBackupLeavesNoFile(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backup(ctx, filepath.Join(dir, "backup.db")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

func TestConcurrentBackupToSameNameIsRejected(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	other, err := os.Create(file + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString("a part of the other copy"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), file); err == nil {
		t.Error("a second backup to the same name went ahead")
	}
	if got, err := os.ReadFile(file + ".partial"); err != nil || string(got) != "a part of the other copy" {
		t.Errorf("it changed the other's copy: %q, %v", got, err)
	}
}

// A link in a shared directory must not have another file emptied.
func TestBackupFollowsNoLink(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			file := filepath.Join(t.TempDir(), "backup.db")
			victim := filepath.Join(filepath.Dir(file), "victim")
			if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := link(victim, file+".partial"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Backup(t.Context(), file); err == nil {
				t.Error("the backup went ahead")
			}
			if got, err := os.ReadFile(victim); err != nil || string(got) != "precious" {
				t.Errorf("the file behind the link: %q, %v", got, err)
			}
		})
	}
}

func TestBackupIsACompleteDatabase(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 3)
	attribute(t, s, all[0].attempt(all[1].code))
	file := filepath.Join(t.TempDir(), "copy.db")
	size, err := s.Backup(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if _, err := s.Backup(t.Context(), file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second backup to the same file: %v", err)
	}
	for _, mode := range []sqlite.Mode{sqlite.ReadOnly, sqlite.ReadWrite, sqlite.Create} {
		if v := wantSound(t, reopen(t, file, mode)); v.Attributions != 1 {
			t.Errorf("%+v", v)
		}
	}
}

func TestFailedBackupLeavesNoFile(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	rename(t, path, filepath.Join(t.TempDir(), "elsewhere"))
	file := filepath.Join(t.TempDir(), "copy.db")
	if _, err := s.Backup(t.Context(), file); err == nil {
		t.Error("a database that is gone was copied")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
