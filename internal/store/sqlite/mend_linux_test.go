package sqlite_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
)

// refuseWrites makes every descriptor that this process has of a file one that only reads: writing to it
// fails, as it does on a disk that fails, until the file is opened anew.
func refuseWrites(t testing.TB, name string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		fd, numErr := strconv.Atoi(e.Name())
		if err != nil || numErr != nil || target != name {
			continue
		}
		readOnly, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(readOnly, fd, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Close(readOnly); err != nil {
			t.Fatal(err)
		}
		refused++
	}
	if refused == 0 {
		t.Fatalf("%s is not open", filepath.Base(name))
	}
}

func TestADiskThatFailsAndRecoversNeedsNoRestart(t *testing.T) {
	t.Parallel()
	logged, s, path := openLogged(t)
	all := people(t, s, 4)
	session := newSession(t, s, all[0].id, time.Hour)
	attribute(t, s, all[1].attempt(all[0].code))
	refuseWrites(t, path+"-wal")
	missed := all[2].attempt(all[0].code)
	if o, err := s.Attribute(t.Context(), missed, referral.Rules{}); err == nil {
		t.Errorf("acknowledged: %+v", o)
	}
	if _, err := s.FindSession(t.Context(), session.Token); err != nil {
		t.Errorf("a disk that cannot be written keeps sessions from being looked up: %v", err)
	}
	healed(t, s, missed)
	attribute(t, s, all[3].attempt(all[0].code))
	if v := wantWell(t, s, session); v.Attributions != 3 {
		t.Errorf("%+v", v)
	}
	wantDurable(t, path, 3)
	if got := strings.Join(logged.messages(), ", "); got != "the store is sick, the store is well again" {
		t.Errorf("logged %q", got)
	}
}

// TestAfterAFailedWriteTheWholeLogIsCopiedAgain: a checkpoint that a reader held up has copied a part of
// the log into the database, without an fsync yet, and the failing disk has dropped that part since.
// SQLite believes that it is there.
func TestAfterAFailedWriteTheWholeLogIsCopiedAgain(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	all := people(t, s, 4)
	session := newSession(t, s, all[0].id, time.Hour)
	release := holdSnapshot(t, path)
	attribute(t, s, all[1].attempt(all[0].code))
	tamper(t, path, `PRAGMA wal_checkpoint(PASSIVE)`)
	release()
	damage(t, path, "users")
	refuseWrites(t, path+"-wal")
	missed := all[2].attempt(all[0].code)
	if o, err := s.Attribute(t.Context(), missed, referral.Rules{}); err == nil {
		t.Errorf("acknowledged: %+v", o)
	}
	healed(t, s, missed)
	attribute(t, s, all[3].attempt(all[0].code))
	if v := wantWell(t, s, session); v.Attributions != 3 {
		t.Errorf("%+v", v)
	}
	wantDurable(t, path, 3)
}
