package spool_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/triport/triport-console/internal/spool"
)

// TestTheSpoolBelongsToTheOwnerOfTheDatabase is what lets root replay beside a server that runs as
// somebody else. Run by another user than root, it has only one owner to compare.
func TestTheSpoolBelongsToTheOwnerOfTheDatabase(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "triport.db")
	if err := os.WriteFile(database, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want := os.Getuid()
	if want == 0 {
		want = 12345
		if err := os.Chown(database, want, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := spool.New(database).Append(t.Context(), attempt("one")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{database + ".spool", database + ".spool.lock"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if uid := int(info.Sys().(*syscall.Stat_t).Uid); uid != want {
			t.Errorf("%s belongs to %d instead of %d", filepath.Base(name), uid, want)
		}
	}
}

func TestWhatALinkPointsToKeepsItsOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	database, victim := filepath.Join(dir, "triport.db"), filepath.Join(dir, "victim")
	for _, name := range []string{database, victim} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(victim)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(database, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{database + ".spool", database + ".spool.lock"} {
		if err := os.Symlink(victim, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := spool.New(database).Append(t.Context(), attempt("one")); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(victim)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := after.Sys().(*syscall.Stat_t).Uid, before.Sys().(*syscall.Stat_t).Uid; got != want {
		t.Errorf("the file behind the link belongs to %d instead of %d", got, want)
	}
}
