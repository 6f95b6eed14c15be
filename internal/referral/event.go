package referral

import "time"

// EventType names what an event of the audit log says happened.
type EventType string

// The events written today; later ones (first_paid, tier_changed …) join them.
const (
	EventSignup   EventType = "signup"   // an attribution was made
	EventRejected EventType = "rejected" // an attempt was refused, and why
)

// Event is one row of the append-only audit log. Strings are empty where there is nothing to say.
type Event struct {
	ID         int64     // order of commit
	At         time.Time // the attempt's time
	UserID     string    // the invitee
	Type       EventType
	Code       string
	ReferrerID string
	Reason     Reason
	Detail     string
	Source     Source
	AttemptID  string
	RequestID  string
}

// Attribution is the link from an invitee to a referrer: at most one per invitee, for ever.
type Attribution struct {
	InviteeID    string
	ReferrerID   string
	Code         string
	AttributedAt time.Time // the attempt's time
	AttemptID    string
}

// EventOf returns the event that an attempt with this outcome adds to the audit log; ok is false
// when it adds none. inviteeID is the attempt's user as the store resolved it.
func EventOf(a Attempt, inviteeID string, o Outcome) (e Event, ok bool) {
	e = Event{
		At: a.At, UserID: inviteeID, Type: EventRejected, Code: a.Code.Text, ReferrerID: o.ReferrerID,
		Reason: o.Reason, Detail: o.Detail, Source: a.Source, AttemptID: a.ID, RequestID: a.RequestID,
	}
	if o.Attributed {
		e.Type = EventSignup
		return e, true
	}
	return e, o.Reason.Audited() && !o.Unstored
}
