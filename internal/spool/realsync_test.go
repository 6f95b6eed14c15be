package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Other tests replace the fsyncs. A real one fails on what is not open or not there.
func TestNewSpoolUsesRealFsyncs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := New(filepath.Join(dir, "triport.db"))
	f, err := os.Create(filepath.Join(dir, "file"))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.syncFile(f); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the fsync of a closed file is %v, want %v", err, os.ErrClosed)
	}
	if err := s.syncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the fsync of a missing directory is %v, want %v", err, fs.ErrNotExist)
	}
}
