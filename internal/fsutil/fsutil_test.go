package fsutil_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/triport/triport-console/internal/fsutil"
)

func TestIsPlainFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain, linked := filepath.Join(dir, "plain"), filepath.Join(dir, "linked")
	err := errors.Join(
		os.WriteFile(plain, nil, 0o600),
		os.WriteFile(linked, nil, 0o600),
		os.Link(linked, filepath.Join(dir, "link")),
		os.Symlink(plain, filepath.Join(dir, "symlink")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"plain": true, "linked": false, "link": false, "symlink": false, ".": false} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fsutil.IsPlainFile(info); got != want {
			t.Errorf("IsPlainFile(%s) = %t, want %t", name, got, want)
		}
	}
}

func TestSyncDirReportsAMissingDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := fsutil.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := fsutil.SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncDir = %v, want %v", err, fs.ErrNotExist)
	}
}
