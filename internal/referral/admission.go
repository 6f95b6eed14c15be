package referral

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// admission lets one attempt of a user at a time be decided. The others wait outside of the queue of the store: one
// user must not fill it.
type admission struct {
	mu    sync.Mutex
	lines map[string]*userLine // by user; only while a call of the user runs
}

// userLine is the calls of one user.
type userLine struct {
	turn    chan struct{} // holds a token while an attempt is decided; first come, first served
	calls   int           // guarded by admission.mu
	arrived atomic.Int64  // number of the latest call
	last    decided       // guarded by turn
}

// decided is the latest decision on an attempt of a user.
type decided struct {
	attempt Attempt
	outcome Outcome
	covers  int64 // the last call that had arrived when it began
}

// decide calls f once no other f of the user runs, or answers like the decision before, if deciding again would give and
// write the same. The error says that ctx ended first: f was not called.
func (ad *admission) decide(ctx context.Context, a Attempt, f func() Outcome) (Outcome, error) {
	line := ad.enter(a.User)
	defer ad.leave(a.User, line)
	number := line.arrived.Add(1)
	select {
	case line.turn <- struct{}{}:
	case <-ctx.Done():
		return Outcome{}, fmt.Errorf("wait for another attempt of the user: %w", ctx.Err())
	}
	defer func() { <-line.turn }()
	if o, ok := line.last.answer(a, number); ok {
		return o, nil
	}
	covers := line.arrived.Load()
	line.last = decided{a, f(), covers}
	return line.last.outcome, nil
}

func (ad *admission) enter(user string) *userLine {
	ad.mu.Lock()
	defer ad.mu.Unlock()
	line := ad.lines[user]
	if line == nil {
		line = &userLine{turn: make(chan struct{}, 1)}
		ad.lines[user] = line
	}
	line.calls++
	return line
}

func (ad *admission) leave(user string, line *userLine) {
	ad.mu.Lock()
	defer ad.mu.Unlock()
	if line.calls--; line.calls == 0 {
		delete(ad.lines, user)
	}
}

// answer returns the outcome of an attempt that waited for d, if it needs no decision. An attribution is permanent. A
// rejection holds for the same code if d began after the call, and needs no row beyond the daily limit.
func (d decided) answer(a Attempt, number int64) (Outcome, bool) {
	switch o := d.outcome; {
	case o.Attributed || o.Reason == ReasonAlreadyAttributed:
		return Outcome{Reason: ReasonAlreadyAttributed}, true
	case o.Unstored && a.Code == d.attempt.Code && number <= d.covers &&
		a.At.Truncate(day).Equal(d.attempt.At.Truncate(day)):
		return o, true
	}
	return Outcome{}, false
}
