package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAKilledBackupNeitherPassesForOneNorStandsInTheWay begins with what a kill leaves: a half copy that
// was never renamed. Here it is longer than the copy.
func TestAKilledBackupNeitherPassesForOneNorStandsInTheWay(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
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
		t.Errorf("the copy: %v, %v; %d bytes were announced", info, err, size)
	}
	if _, err := os.Lstat(file + ".partial"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half copy is still there: %v", err)
	}
}

// TestABackupGoesToTheFileThatWasNamed tries names that mean something else to SQLite.
func TestABackupGoesToTheFileThatWasNamed(t *testing.T) {
	s, _ := openStore(t)
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
			t.Errorf("%s: %v, %v; %d bytes were announced", file, info, err, size)
		}
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) > 0 {
			t.Errorf("%s: beside it stands %q, %v", file, left, err)
		}
	}
}

func TestAnInterruptedBackupLeavesNothing(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
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

func TestTwoBackupsToOneNameDoNotMix(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	other, err := os.Create(file + ".partial")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := other.WriteString("half of the other's copy"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), file); err == nil {
		t.Error("a second backup to the same name went ahead")
	}
	if got, err := os.ReadFile(file + ".partial"); err != nil || string(got) != "half of the other's copy" {
		t.Errorf("it touched the other's copy: %q, %v", got, err)
	}
}

// TestABackupFollowsNoLink holds that a link laid in a shared folder is no way to have another file
// emptied.
func TestABackupFollowsNoLink(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(from, to string) error{"symbolic": os.Symlink, "hard": os.Link} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := openStore(t)
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
