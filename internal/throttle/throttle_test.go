package throttle

import (
	"fmt"
	"testing"
	"time"
)

func TestAllowOncePerKeyAndPeriod(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	th := New(time.Minute)
	for _, step := range []struct {
		after time.Duration
		key   string
		want  bool
	}{
		{0, "a", true},
		{0, "a", false},
		{30 * time.Second, "b", true},
		{59 * time.Second, "a", false},
		{time.Minute, "a", true},
		{89 * time.Second, "b", false},
		{90 * time.Second, "b", true},
		{119 * time.Second, "a", false},
		{time.Hour, "a", true},
	} {
		if got := th.Allow(step.key, start.Add(step.after)); got != step.want {
			t.Errorf("Allow(%s) after %s = %t, want %t", step.key, step.after, got, step.want)
		}
	}
}

func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	th := New(time.Minute)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 1000 {
		th.Allow(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second))
	}
	if n := len(th.keys); n > 120 {
		t.Errorf("%d keys are kept, want those of at most two periods", n)
	}
}

func TestSkippedCallsAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	th := New(time.Minute)
	for _, step := range []struct {
		after   time.Duration
		skipped int64
		ok      bool
	}{{0, 0, true}, {1, 1, false}, {2, 2, false}, {time.Minute, 2, true}, {time.Minute + 1, 1, false}, {time.Hour, 1, true}, {2 * time.Hour, 0, true}} {
		if skipped, ok := th.AllowCounted("a", now.Add(step.after)); skipped != step.skipped || ok != step.ok {
			t.Errorf("after %s: %d, %t; want %d, %t", step.after, skipped, ok, step.skipped, step.ok)
		}
	}
}
