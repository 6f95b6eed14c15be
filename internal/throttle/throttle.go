// Package throttle limits how often something is done, for example how often a log line is repeated.
package throttle

import (
	"maps"
	"sync"
	"time"
)

// Throttle allows each key once per period. Safe for concurrent use.
type Throttle struct {
	period  time.Duration
	mu      sync.Mutex
	allowed map[string]time.Time
	swept   time.Time
}

// New returns a Throttle with that period.
func New(period time.Duration) *Throttle {
	return &Throttle{period: period, allowed: make(map[string]time.Time)}
}

// Allow reports whether the key was not allowed within the last period. Keys of earlier periods are forgotten.
func (t *Throttle) Allow(key string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := func(_ string, at time.Time) bool { return now.Sub(at) >= t.period }
	if old("", t.swept) {
		maps.DeleteFunc(t.allowed, old)
		t.swept = now
	}
	if at, ok := t.allowed[key]; ok && !old(key, at) {
		return false
	}
	t.allowed[key] = now
	return true
}
