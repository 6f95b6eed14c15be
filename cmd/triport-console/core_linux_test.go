package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestACrashLeavesNoCoreAndShowsNoSecret lets the server crash, where the system allows a core of any
// size, right after it has held a user's cookies.
func TestACrashLeavesNoCoreAndShowsNoSecret(t *testing.T) {
	t.Parallel()
	l := newLife(t, "GOTRACEBACK=crash", "TRIPORT_REFERRAL_DEADLINE=30s")
	l.serve(`ulimit -S -c "$(ulimit -H -c)"`)
	if answer := l.ask(l.call(l.bob, l.ann.Code, "X-CSRF-Token: "+l.bob.CSRF)); !strings.Contains(answer, `{"attributed":true}`) {
		t.Errorf("the call is answered %s", answer)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(l.cmd.Process.Pid) + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("the server may write a core:\n%s", limits)
	}
	status := l.end(syscall.SIGABRT)
	if !status.Signaled() || status.CoreDump() {
		t.Errorf("ended with status %#x, core %t: want a crash without a core", status, status.CoreDump())
	}
	l.seen["the crash"] = l.log.String()
	if !strings.Contains(l.seen["the crash"], "goroutine ") {
		t.Errorf("the crash shows no stack, so nothing is known of it: %s", l.seen["the crash"])
	}
	l.wantNowhere(l.bob.Session)
	l.wantNowhere(l.bob.CSRF)
	for name := range l.files() {
		if !strings.HasPrefix(name, "triport.db") {
			t.Errorf("the crash left the file %s", name)
		}
	}
}
