// Package throttle limits how often something is done, for example how often a log line is repeated.
package throttle

import (
	"maps"
	"sync"
	"time"
)

// Throttle allows each key once per period. Safe for concurrent use.
type Throttle struct {
	period time.Duration
	mu     sync.Mutex
	keys   map[string]state
	swept  time.Time
}

// state is when a key was allowed, and how often it was not since then.
type state struct {
	at      time.Time
	skipped int64
}

// New returns a Throttle with that period.
func New(period time.Duration) *Throttle {
	return &Throttle{period: period, keys: make(map[string]state)}
}

// Allow reports whether the key was not allowed within the last period. Keys of earlier periods are forgotten.
func (t *Throttle) Allow(key string, now time.Time) bool {
	_, ok := t.AllowCounted(key, now)
	return ok
}

// AllowCounted is Allow. It also returns how often the key was not allowed since it last was.
func (t *Throttle) AllowCounted(key string, now time.Time) (skipped int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := func(_ string, s state) bool { return now.Sub(s.at) >= t.period }
	last, known := t.keys[key]
	if old("", state{at: t.swept}) {
		maps.DeleteFunc(t.keys, old)
		t.swept = now
	}
	if ok = !known || old(key, last); ok {
		t.keys[key] = state{at: now}
		return last.skipped, true
	}
	last.skipped++
	t.keys[key] = last
	return last.skipped, false
}
