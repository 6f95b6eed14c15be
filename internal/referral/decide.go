// Package referral is the domain: codes, attempts, the decision as a pure function, the audit log, replay and verify.
// It has no SQL, no HTTP and no clock.
package referral

import "time"

// Rules are the operator's settings of the decision.
type Rules struct {
	SignupWindow time.Duration // the age up to which an account can be referred; 0 means any age
}

// Facts are what the decision needs to know.
type Facts struct {
	InviteeID        string
	InviteeCreatedAt time.Time
	InviteeDisabled  bool
	HasReferrer      bool       // the invitee already has a referrer
	Code             *CodeFacts // nil if there is no such code
	Cycle            bool       // the invitee referred the code's owner, directly or through others
}

// CodeFacts are the facts about the presented code.
type CodeFacts struct {
	OwnerID                 string
	Disabled, OwnerDisabled bool
}

// Outcome is the decision on an attempt.
type Outcome struct {
	Attributed bool
	Reason     Reason // set if and only if Attributed is false
	Detail     string // of ReasonUnknownCode and ReasonNotEligible
	ReferrerID string // the code's owner, if the code exists
	Unstored   bool   // the rejection is over MaxStoredRejections and not in the audit log
}

// MaxStoredRejections limits the rejections in the audit log, per user and UTC day, live and from the spool together.
const MaxStoredRejections = 50

// Decide is the complete rule, for live calls, replay and verify. It has no effects.
func Decide(a Attempt, f Facts, r Rules) Outcome {
	switch {
	case a.Code.Text == "":
		return Outcome{Reason: ReasonNoCookie}
	case f.HasReferrer:
		return Outcome{Reason: ReasonAlreadyAttributed}
	case !a.Code.WellFormed:
		return Outcome{Reason: ReasonInvalidCode}
	case f.Code == nil:
		return Outcome{Reason: ReasonUnknownCode, Detail: DetailNoSuchCode}
	}
	o := Outcome{ReferrerID: f.Code.OwnerID}
	switch {
	case f.Code.OwnerID == f.InviteeID:
		o.Reason = ReasonSelfReferral
	case f.Code.Disabled:
		o.Reason, o.Detail = ReasonUnknownCode, DetailCodeDisabled
	case f.Code.OwnerDisabled:
		o.Reason, o.Detail = ReasonUnknownCode, DetailOwnerDisabled
	case f.Cycle:
		o.Reason = ReasonReferralCycle
	case f.InviteeDisabled:
		o.Reason, o.Detail = ReasonNotEligible, DetailInviteeDisabled
	case r.SignupWindow > 0 && a.At.Sub(f.InviteeCreatedAt) > r.SignupWindow:
		o.Reason = ReasonNotEligible
	default:
		o.Attributed = true
	}
	return o
}
