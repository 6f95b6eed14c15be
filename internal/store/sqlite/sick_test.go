package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestAReadThatHangsDelaysTheMendingOnly(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	backup := filepath.Join(filepath.Dir(path), "backup.db")
	if _, err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	release := s.HoldReadersForTest()
	rename(t, backup, path)
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("acknowledged into the old file")
	}
	release()
	if v := healed(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantWell(t, s, session)
}

// TestAReaderBesideKeepsNobodyOutWhileTheStoreIsMended is about processes that read for as long as they
// live, as a replicator does: only the log has to wait for them.
func TestAReaderBesideKeepsNobodyOutWhileTheStoreIsMended(t *testing.T) {
	t.Parallel()
	logged, s, path := openLogged(t)
	all := people(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	release := holdSnapshot(t, path)
	s.FailForTest(t.Context())
	eventually(t, func() error {
		if !strings.Contains(logged.String(), "another process reads the log") {
			return errors.New("the log was not held up")
		}
		return nil
	})
	for range 20 {
		if _, err := s.FindSession(t.Context(), session.Token); err != nil {
			t.Fatalf("a session was not found: %v", err)
		}
	}
	a := all[2].attempt(all[0].code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("acknowledged behind pages that the disk may not have")
	}
	release()
	if v := healed(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantWell(t, s, session)
}

// TestAnEmptyDatabaseIsNoReplacement: a command that ran while the database was away has made it.
func TestAnEmptyDatabaseIsNoReplacement(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	rename(t, path, path+".away")
	empty, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "empty.db"), sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := empty.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	a := bob.attempt(ann.code)
	wantSick(t, s, a, session, "it holds no users")
	rename(t, path+".away", path)
	if v := healed(t, s, a); !v[0].Outcome.Attributed && !v[0].Known { // known when the file took it without its name
		t.Errorf("%+v", v)
	}
	wantWell(t, s, session)
}

func TestASickStoreClosesInGoodOrder(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	attribute(t, s, bob.attempt(ann.code))
	rename(t, path, path+".away")
	if _, err := s.Attribute(t.Context(), ann.attempt(bob.code), referral.Rules{}); err == nil {
		t.Error("acknowledged")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	rename(t, path+".away", path)
	wantDurable(t, path, 1)
}

// TestAFileThatCannotBeLookedAtIsNotCalledReplaced: whoever believed that would put an old backup in the place
// of a file that is well. A ring of links stands for a folder that shuts the process out, which root does
// not notice.
func TestAFileThatCannotBeLookedAtIsNotCalledReplaced(t *testing.T) {
	t.Parallel()
	logged, s, path := openLogged(t)
	all := people(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	rename(t, path, path+".away")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	missed := all[1].attempt(all[0].code)
	wantSick(t, s, missed, session, "cannot be looked at")
	if got := logged.String(); strings.Contains(got, "replaced") || !strings.Contains(got, "let the user of this process into the folder") {
		t.Errorf("the log says %s", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	rename(t, path+".away", path)
	healed(t, s, missed)
	wantWell(t, s, session)
}

func TestAFullDiskIsToldOnceAndHealsByItself(t *testing.T) {
	t.Parallel()
	logged, s, _ := openLogged(t)
	all := people(t, s, 3)
	session := newSession(t, s, all[0].id, time.Hour)
	room := s.FullForTest(t.Context())
	var missed []referral.Attempt
	for range 3 {
		a := all[1].attempt(strings.Repeat("x", 32))
		if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err != nil {
			missed = append(missed, a)
		}
		for range 40 { // each refusal takes room, until there is none
			a := all[2].attempt(strings.Repeat("y", 32))
			if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err != nil {
				missed = append(missed, a)
			}
		}
	}
	if len(missed) == 0 {
		t.Fatal("the disk was never full")
	}
	if _, err := s.FindSession(t.Context(), session.Token); err != nil {
		t.Errorf("a full disk keeps sessions from being looked up: %v", err)
	}
	if got := strings.Count(logged.String(), "the store is sick"); got != 1 {
		t.Errorf("told %d times", got)
	}
	room()
	healed(t, s, missed...)
	eventually(t, func() error {
		healed(t, s, missed...)
		if !strings.Contains(logged.String(), "the store is well again") {
			return errors.New("the log does not say that the store is well")
		}
		return nil
	})
	wantWell(t, s, session)
}

func TestAMendedPageIsReadAgain(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	session := newSession(t, s, ann.id, time.Hour)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path, sqlite.Create)
	mend := damage(t, path, "users")
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(t.Context(), a, referral.Rules{}); err == nil {
		t.Error("decided on a damaged page")
	}
	if _, err := s.FindSession(t.Context(), session.Token); err == nil || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("looked up on a damaged page: %v", err)
	}
	mend()
	if v := healed(t, s, a); !v[0].Outcome.Attributed {
		t.Errorf("%+v", v)
	}
	wantWell(t, s, session)
}

// damage overwrites the root page of a table and returns what puts it back.
func damage(t testing.TB, path, table string) (mend func()) {
	t.Helper()
	const pageSize = 4096
	page := rootPage(t, path, table)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // closing it earlier would take SQLite's locks away
	good := make([]byte, pageSize)
	if _, err := f.ReadAt(good, (page-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		t.Helper()
		if _, err := f.WriteAt(b, (page-1)*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	write(slices.Repeat([]byte{0xff}, pageSize))
	return func() { write(good) }
}

func TestAStoreThatWaitsForItsMendingEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann := newPerson(t, s, "ann")
	session := newSession(t, s, ann.id, time.Hour)
	rename(t, path, path+".away")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for range 100 { // none of them waits for the next try
		if _, err := s.FindSession(ctx, session.Token); !errors.Is(err, sqlite.ErrReplaced) {
			t.Fatal(err)
		}
	}
}
