package referral

import (
	"errors"
	"time"
)

// Attempt is one call that presented a code.
type Attempt struct {
	ID        string // unique for its user: a second attempt with the same id changes nothing
	User      string // the invitee's id; empty if a line has only an e-mail address
	UserEmail string // in a line: the text of the user, read as an e-mail address; with User, either may be right
	Code      PresentedCode
	At        time.Time // when the call was made, UTC, whole microseconds
	RequestID string    // empty in a line written by hand
	Source    Source
}

// Source is how an attempt reached the decision.
type Source string

// A live attempt is decided at once, the others later.
const (
	SourceLive   Source = "live"
	SourceSpool  Source = "spool"
	SourceReplay Source = "replay"
)

var (
	// ErrNoUser reports that the user of an attempt does not exist.
	ErrNoUser = errors.New("no account has this id or e-mail address")
	// ErrAttemptTaken reports that another attempt of the user has the attempt id.
	ErrAttemptTaken = errors.New("its attempt_id is recorded with another code or time")
	// ErrBusy reports that the queue of the store is full.
	ErrBusy = errors.New("the store has too many attempts waiting")
)
