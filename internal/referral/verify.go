package referral

import (
	"context"
	"fmt"
	"iter"
)

// Recorded is an attribution as the audit log and the table of attributions tell it, either of
// which may be missing.
type Recorded struct {
	Event *Event
	Row   *Attribution
	// Facts are those the event's attempt was decided on, as far as they can still be told: whether a
	// code or its owner was disabled, and the signup window, belong to their day.
	Facts Facts
}

// Ledger reads every attribution back from the log and from the table.
type Ledger interface {
	// Ledger returns each signup event with its attribution, then each attribution without an event.
	// The second value is a read error, which ends the sequence.
	Ledger(ctx context.Context) iter.Seq2[Recorded, error]
}

// The kinds of difference Verify finds besides the reasons of the decision itself.
const (
	DiffMissingAttribution = "missing_attribution" // an event without its attribution
	DiffMissingEvent       = "missing_event"       // an attribution without its event
	DiffMismatch           = "mismatch"            // both, but they disagree
)

// Difference is one attribution on which the log, the table and the decision do not agree.
type Difference struct {
	InviteeID string
	Kind      string // one of the Diff constants, or the Reason for which the decision would refuse it
	Detail    string
}

// Verification is what Verify found.
type Verification struct {
	Attributions int64
	Events       int64 // of type signup
	Differences  []Difference
}

// Verify recomputes every attribution from the audit log, through the same decision that made it,
// and compares.
func Verify(ctx context.Context, ledger Ledger) (Verification, error) {
	var v Verification
	for r, err := range ledger.Ledger(ctx) {
		if err != nil {
			return v, fmt.Errorf("read the ledger: %w", err)
		}
		if r.Event != nil {
			v.Events++
		}
		if r.Row != nil {
			v.Attributions++
		}
		v.Differences = append(v.Differences, compare(r)...)
	}
	return v, nil
}

func compare(r Recorded) []Difference {
	if r.Event == nil {
		return []Difference{{r.Row.InviteeID, DiffMissingEvent,
			fmt.Sprintf("no signup event for attempt %s", r.Row.AttemptID)}}
	}
	var found []Difference
	e := r.Event
	o := Decide(Attempt{ID: e.AttemptID, User: e.UserID, Code: ParsePresentedCode(e.Code), At: e.At}, r.Facts, Rules{})
	switch {
	case !o.Attributed:
		found = append(found, Difference{e.UserID, string(o.Reason),
			fmt.Sprintf("the decision would refuse event %d", e.ID)})
	case o.ReferrerID != e.ReferrerID:
		found = append(found, Difference{e.UserID, DiffMismatch,
			fmt.Sprintf("event %d credits %s, the code is %s's", e.ID, e.ReferrerID, o.ReferrerID)})
	}
	if r.Row == nil {
		// A second signup of the same user is refused above as already_attributed.
		if r.Facts.ReferrerID == "" {
			found = append(found, Difference{e.UserID, DiffMissingAttribution,
				fmt.Sprintf("event %d has no attribution", e.ID)})
		}
		return found
	}
	want := Attribution{InviteeID: e.UserID, ReferrerID: e.ReferrerID, Code: e.Code, AttributedAt: e.At, AttemptID: e.AttemptID}
	if got := *r.Row; got != want {
		found = append(found, Difference{e.UserID, DiffMismatch,
			fmt.Sprintf("event %d says %s, the attribution says %s", e.ID, want, got)})
	}
	return found
}

func (a Attribution) String() string {
	return fmt.Sprintf("referrer %s, code %s, attempt %s, at %s",
		a.ReferrerID, a.Code, a.AttemptID, a.AttributedAt.UTC().Format("2006-01-02T15:04:05.000000Z"))
}
