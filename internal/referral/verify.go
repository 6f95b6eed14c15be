package referral

import (
	"fmt"
	"iter"
)

// Recorded is an attribution in the audit log and in the table of attributions. One of them may be missing.
type Recorded struct {
	Event *Event
	Row   *Attribution
	Facts Facts // of the decision; whether a code or its owner was disabled then is not known
}

// Kinds of difference. Another kind is the Reason with which the decision would reject the event.
const (
	DiffMissingAttribution = "missing_attribution" // an event without its attribution
	DiffMissingEvent       = "missing_event"       // an attribution without its event
	DiffMismatch           = "mismatch"            // both exist and disagree
)

// Difference is an attribution on which the log, the table and the decision disagree.
type Difference struct{ InviteeID, Kind, Detail string }

// Verification is the result of Verify.
type Verification struct {
	Attributions int64
	Events       int64 // signup events
	Differences  []Difference
}

// Verify decides every attribution again, from the audit log, and compares. A read error ends the sequence.
func Verify(ledger iter.Seq2[Recorded, error]) (Verification, error) {
	var v Verification
	for r, err := range ledger {
		if err != nil {
			return v, fmt.Errorf("read the ledger: %w", err)
		}
		if r.Event != nil {
			v.Events++
		}
		if r.Row != nil {
			v.Attributions++
		}
		v.Differences = append(v.Differences, r.compare()...)
	}
	return v, nil
}

func (r Recorded) compare() (found []Difference) {
	differ := func(inviteeID, kind, format string, args ...any) {
		found = append(found, Difference{inviteeID, kind, fmt.Sprintf(format, args...)})
	}
	e := r.Event
	if e == nil {
		differ(r.Row.InviteeID, DiffMissingEvent, "no signup event for attempt %s", r.Row.AttemptID)
		return found
	}
	o := Decide(Attempt{ID: e.AttemptID, User: e.UserID, Code: ParsePresentedCode(e.Code), At: e.At}, r.Facts, Rules{})
	switch {
	case e.UserID == "":
		differ("", DiffMismatch, "event %d names a user who does not exist", e.ID)
	case !o.Attributed:
		differ(e.UserID, string(o.Reason), "the decision would reject event %d", e.ID)
	case o.ReferrerID != e.ReferrerID:
		differ(e.UserID, DiffMismatch, "event %d credits %s, the code is %s's", e.ID, e.ReferrerID, o.ReferrerID)
	}
	want := Attribution{e.UserID, e.ReferrerID, e.Code, e.At, e.AttemptID, e.ID}
	switch {
	case r.Row != nil && *r.Row != want:
		differ(e.UserID, DiffMismatch, "event %d says %s, the attribution says %s", e.ID, want, *r.Row)
	case r.Row == nil && !r.Facts.HasReferrer: // otherwise a second signup, rejected above as already_attributed
		differ(e.UserID, DiffMissingAttribution, "event %d has no attribution", e.ID)
	}
	return found
}

// String returns the attribution without its invitee, for a Difference.
func (a Attribution) String() string {
	return fmt.Sprintf("referrer %s, code %s, attempt %s, at %s",
		a.ReferrerID, a.Code, a.AttemptID, a.AttributedAt.UTC().Format("2006-01-02T15:04:05.000000Z"))
}
