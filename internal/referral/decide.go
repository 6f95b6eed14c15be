// Package referral is the heart: codes and their grammar, attempts, the decision as a pure function
// of facts, the audit log, replay and verify. It has no SQL, no HTTP and no clock of its own; what it
// needs of a store and of a spool it says in narrow interfaces.
package referral

import "time"

// Attempt is one call that presented a code.
type Attempt struct {
	ID        string // unique; recognises an attempt that was committed after all
	User      string // the invitee's id; in a replayed line it may be the e-mail address
	Code      PresentedCode
	At        time.Time // when the call was made, UTC, whole microseconds
	RequestID string    // of the call, for the log; empty in a line written by hand
	Source    Source
}

// Source says on which way an attempt came to the decision.
type Source string

// Live is a call answered at once; the other two are attempts put through the decision again.
const (
	SourceLive   Source = "live"
	SourceSpool  Source = "spool"
	SourceReplay Source = "replay"
)

// Rules are what the operator may set about the decision.
type Rules struct {
	// SignupWindow is the age beyond which an account can no longer be referred; 0 means any age.
	SignupWindow time.Duration
}

// Facts are what the decision knows of the world.
type Facts struct {
	InviteeID        string
	InviteeCreatedAt time.Time
	ReferrerID       string     // whom the invitee is attributed to already; empty when to nobody
	Code             *CodeFacts // nil when there is no such code
	Cycle            bool       // the code's owner was, directly or through others, referred by the invitee
}

// CodeFacts are what the decision knows of the code that was presented.
type CodeFacts struct {
	OwnerID       string
	Disabled      bool
	OwnerDisabled bool
}

// Outcome is what became of an attempt.
type Outcome struct {
	Attributed bool
	Reason     Reason // set exactly when Attributed is false
	Detail     string // of ReasonUnknownCode
	ReferrerID string // the code's owner, where there is one
	// Unstored tells that the refusal was left out of the audit log, because the user had
	// MaxLiveRefusals there that day already.
	Unstored bool
}

// MaxLiveRefusals is how many refusals of live calls the audit log takes for one user in a UTC day.
const MaxLiveRefusals = 50

// Decide is the rule, all of it: live calls, replay and verify go through here. It has no effects.
func Decide(a Attempt, f Facts, r Rules) Outcome {
	if a.Code.Text == "" {
		return Outcome{Reason: ReasonNoCookie}
	}
	if f.ReferrerID != "" {
		return Outcome{Reason: ReasonAlreadyAttributed}
	}
	if !a.Code.WellFormed {
		return Outcome{Reason: ReasonInvalidCode}
	}
	if f.Code == nil {
		return Outcome{Reason: ReasonUnknownCode, Detail: DetailNoSuchCode}
	}
	refused := func(reason Reason, detail string) Outcome {
		return Outcome{Reason: reason, Detail: detail, ReferrerID: f.Code.OwnerID}
	}
	switch {
	case f.Code.OwnerID == f.InviteeID:
		return refused(ReasonSelfReferral, "")
	case f.Code.Disabled:
		return refused(ReasonUnknownCode, DetailCodeDisabled)
	case f.Code.OwnerDisabled:
		return refused(ReasonUnknownCode, DetailOwnerDisabled)
	case f.Cycle:
		return refused(ReasonReferralCycle, "")
	case r.SignupWindow > 0 && a.At.Sub(f.InviteeCreatedAt) > r.SignupWindow:
		return refused(ReasonNotEligible, "")
	}
	return Outcome{Attributed: true, ReferrerID: f.Code.OwnerID}
}
