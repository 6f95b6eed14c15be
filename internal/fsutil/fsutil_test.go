package fsutil_test

import (
	"errors"
	"fmt"
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

func TestWithoutPathKeepsTheNamesOfFiles(t *testing.T) {
	t.Parallel()
	_, open := os.Open("/data/secret/triport.db.spool.1")
	link := os.Link("/data/secret/a", "/data/secret/b")
	err := fmt.Errorf("drain the spool: %w", errors.Join(open, link, errors.New("and more")))
	got := fsutil.WithoutPath(err)
	if want := "drain the spool: open triport.db.spool.1: no such file or directory\nlink a b: no such file or directory\nand more"; got.Error() != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(got, fs.ErrNotExist) {
		t.Error("the error does not wrap the original error")
	}
	if got := fsutil.WithoutPath(errors.New("no file")); got.Error() != "no file" {
		t.Errorf("%q, want no change", got)
	}
}

func TestRealPathIsTheSameForAllNamesOfAFile(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	link := func(target, name string) string {
		name = filepath.Join(dir, name)
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	want := filepath.Join(dir, "data.db")
	names := []string{want, link("data.db", "link.db"), link("link.db", "second.db"), filepath.Join(link(dir, "dir"), "link.db")}
	for _, exists := range []bool{false, true} {
		for _, name := range names {
			if got := fsutil.RealPath(name); got != want {
				t.Errorf("exists %v: %s leads to %s", exists, name, got)
			}
		}
		if err := os.WriteFile(want, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{link("loop", "loop"), filepath.Join(dir, "missing", "x.db")} {
		if got := fsutil.RealPath(name); got != name {
			t.Errorf("%s leads to %s", name, got)
		}
	}
}
