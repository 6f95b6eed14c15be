package referral

import (
	"errors"
	"time"
)

// Attempt is one call that presented a code.
type Attempt struct {
	ID        string // unique; identifies an attempt that was committed although its caller got an error
	User      string // the invitee's id; in a replayed line it may be the e-mail address
	Code      PresentedCode
	At        time.Time // when the call was made, UTC, whole microseconds
	RequestID string    // for the audit log; empty in a line written by hand
	Source    Source
}

// Source is how an attempt reached the decision.
type Source string

// A live attempt is decided during its call. The others are decided later.
const (
	SourceLive   Source = "live"
	SourceSpool  Source = "spool"
	SourceReplay Source = "replay"
)

var (
	// ErrNoUser reports that the user of an attempt does not exist.
	ErrNoUser = errors.New("no account has this id or e-mail address")
	// ErrAttemptTaken reports that an attempt id is recorded for another user.
	ErrAttemptTaken = errors.New("its attempt_id is recorded for another user")
	// ErrBusy reports that the queue of the store is full.
	ErrBusy = errors.New("the store has too many attempts waiting")
)
