package spool_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// TestFilesBelongToTheDatabaseOwner: root must be able to replay while a server runs as another user. Run by another
// user than root, the test has only one owner to compare.
func TestFilesBelongToTheDatabaseOwner(t *testing.T) {
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

// TestLinksAreRejected: the directory's owner creates links that a replay by root would follow. The target must not
// be written, read or given away.
func TestLinksAreRejected(t *testing.T) {
	t.Parallel()
	for _, link := range []string{".spool", ".spool.lock", ".spool.1", ".spool.bad"} {
		for name, create := range map[string]func(string, string) error{"symbolic": os.Symlink, "hard": os.Link} {
			if link == ".spool.lock" && name == "hard" {
				continue // a lock file is neither read nor written
			}
			dir := t.TempDir()
			database, victim := filepath.Join(dir, "triport.db"), filepath.Join(dir, "victim")
			const secret = "a secret\n"
			if err := os.WriteFile(victim, []byte(secret), 0o600); err != nil {
				t.Fatal(err)
			}
			if link == ".spool.bad" {
				if err := os.WriteFile(database+".spool", []byte("garbage\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := create(victim, database+link); err != nil {
				t.Fatal(err)
			}
			s := spool.New(database)
			err := s.Append(t.Context(), attempt("one"))
			err = errors.Join(err, s.Drain(t.Context(), func(segment io.Reader, deadLetter referral.DeadLetter) error {
				b, err := io.ReadAll(segment)
				if string(b) == secret {
					t.Errorf("%s %s: the target was read", name, link)
				}
				_, lerr := deadLetter(bytes.NewReader(b))
				return errors.Join(err, lerr)
			}))
			if err == nil {
				t.Errorf("%s %s: the link is not rejected", name, link)
			}
			if got, err := os.ReadFile(victim); string(got) != secret || err != nil {
				t.Errorf("%s %s: the target is %q now, %v", name, link, got, err)
			}
		}
	}
}
