package referral

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

var (
	// ErrNoUser says that an attempt names nobody the store knows.
	ErrNoUser = errors.New("no account has this id or e-mail address")
	// ErrAttemptTaken says that an attempt id is recorded for another user.
	ErrAttemptTaken = errors.New("its attempt_id is recorded for another user")
	// ErrBusy says that the store has more work waiting than it may hold.
	ErrBusy = errors.New("the store has too many attempts waiting")
)

// Store decides and keeps attempts. Both methods answer only when the outcome is durable, and an
// error from either means that the store is sick, not that an attempt is.
type Store interface {
	// Attribute decides one live attempt together with whatever else is waiting, each on its own
	// merits. When ctx ends first, the attempt may still be committed later. Safe for concurrent use.
	Attribute(ctx context.Context, a Attempt, rules Rules) (Outcome, error)
	// Replay decides attempts, in order, in one transaction: all of them or, on an error, none.
	Replay(ctx context.Context, attempts []Attempt, rules Rules) ([]Verdict, error)
}

// Verdict is what became of one replayed attempt.
type Verdict struct {
	Outcome Outcome
	Known   bool // it is recorded as a signup already
	// Refused is why it is recorded as refused, where an attempt of a replay that came after it has
	// given its user a referrer; else empty. It counts as the refusal that it was, so that the same
	// attempts twice give the same figures.
	Refused Reason
	Err     error // ErrNoUser or ErrAttemptTaken: there was nothing to decide
}

// Spool keeps attempts that the store could not take. Safe for concurrent use, by other processes too.
type Spool interface {
	// Append makes the attempts durable.
	Append(ctx context.Context, attempts ...Attempt) error
	// Drain hands what waits, a segment at a time, to replay, and forgets a segment once replay
	// returns nil for it. What replay sets aside is kept in the file of broken lines. It waits for
	// another process that drains.
	Drain(ctx context.Context, replay func(segment io.Reader, setAside SetAside) error) error
	// Waiting tells, without reading them, whether attempts wait.
	Waiting() (bool, error)
}

// SetAside keeps a line that is no attempt in the file of broken lines. fresh is false when it stands
// there already, from a drain that did not come to its end: it was reported then.
type SetAside = func(line io.Reader) (fresh bool, err error)

// RejectedFilter narrows the refusals of the audit log. Zero fields do not narrow.
type RejectedFilter struct {
	Reason Reason
	UserID string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
}

// RejectedLog reads refused attempts back from the audit log.
type RejectedLog interface {
	// Rejected returns the refused attempts in order of commit, up to the newest at the time of the
	// call, stamped SourceReplay. The second value is a read error, which ends the sequence.
	Rejected(ctx context.Context, f RejectedFilter) iter.Seq2[Attempt, error]
}
