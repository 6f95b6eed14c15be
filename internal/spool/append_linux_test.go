package spool_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestAFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	if err := os.Symlink("/dev/full", database+".spool"); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), attempt("a1")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Append = %v, want %v", err, syscall.ENOSPC)
	}
}
