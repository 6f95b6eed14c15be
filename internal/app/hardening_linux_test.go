package app

import (
	"log/slog"
	"strings"
	"syscall"
	"testing"
)

// TestHardeningDisablesCoreDumps hardens the process of the tests.
func TestHardeningDisablesCoreDumps(t *testing.T) {
	if got := dumpable(t); got != 1 {
		t.Fatalf("before: dumpable is %d: the test could not fail", got)
	}
	t.Cleanup(func() {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 1, 0); errno != 0 {
			t.Error(errno)
		}
	})
	var log strings.Builder
	for range 2 { // the second time there is nothing to do
		harden(slog.New(slog.NewTextHandler(&log, nil)))
	}
	if log.Len() > 0 {
		t.Errorf("it warned: %s", log.String())
	}
	if got := dumpable(t); got != 0 {
		t.Errorf("dumpable is %d, want 0", got)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err != nil {
		t.Fatal(err)
	}
	if want := (syscall.Rlimit{}); limit != want {
		t.Errorf("the limit of core files is %+v, want none", limit)
	}
}

func dumpable(t *testing.T) uintptr {
	t.Helper()
	got, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_DUMPABLE, 0, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return got
}
