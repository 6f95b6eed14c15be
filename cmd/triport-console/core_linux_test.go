package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestCrashWritesNoCoreAndNoSecret crashes the server after it has received the cookies of a user. The system allows
// cores of any size.
func TestCrashWritesNoCoreAndNoSecret(t *testing.T) {
	t.Parallel()
	r := newRun(t, "GOTRACEBACK=crash", "TRIPORT_REFERRAL_DEADLINE=30s")
	r.serve(`ulimit -S -c "$(ulimit -H -c)"`)
	if answer := r.ask(r.call(r.bob, r.ann.Code, "X-CSRF-Token: "+r.bob.CSRF)); !strings.Contains(answer, `{"attributed":true}`) {
		t.Errorf("the answer is %s", answer)
	}
	limits, err := os.ReadFile("/proc/" + strconv.Itoa(r.cmd.Process.Pid) + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("the server may write a core:\n%s", limits)
	}
	status := r.end(syscall.SIGABRT)
	if !status.Signaled() || status.CoreDump() {
		t.Errorf("it ended with status %#x, core %t: want a crash without a core", status, status.CoreDump())
	}
	r.seen["the crash"] = r.log.String()
	if !strings.Contains(r.seen["the crash"], "goroutine ") {
		t.Errorf("the crash prints no stack: %s", r.seen["the crash"])
	}
	r.wantNowhere(r.bob.Session)
	r.wantNowhere(r.bob.CSRF)
	for name := range r.files() {
		if !strings.HasPrefix(name, "triport.db") {
			t.Errorf("the crash left the file %s", name)
		}
	}
}
