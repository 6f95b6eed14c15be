package referral

import "time"

// EventType is what happened.
type EventType string

// EventSignup is an attribution; its stored name is signup. EventRejected is a rejected attempt.
const (
	EventSignup   EventType = "signup"
	EventRejected EventType = "rejected"
)

// Event is one row of the append-only audit log.
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

// Attribution is the link from an invitee to a referrer: at most one per invitee, permanently.
type Attribution struct {
	InviteeID, ReferrerID, Code string
	AttributedAt                time.Time // the attempt's time
	AttemptID                   string
	EventID                     int64 // of its signup event
}

// EventOf returns the event of a decided attempt of an invitee. ok is false if the audit log stores none.
func EventOf(a Attempt, inviteeID string, o Outcome) (e Event, ok bool) {
	e = Event{
		At: a.At, UserID: inviteeID, Type: EventRejected, Code: a.Code.Text, ReferrerID: o.ReferrerID,
		Reason: o.Reason, Detail: o.Detail, Source: a.Source, AttemptID: a.ID, RequestID: a.RequestID,
	}
	if o.Attributed {
		e.Type = EventSignup
	}
	return e, o.Attributed || o.Reason.Audited() && !o.Unstored
}
