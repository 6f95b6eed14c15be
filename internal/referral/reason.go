package referral

import "cmp"

// Reason is why an attempt led to no attribution. The names are part of the API.
type Reason string

// The reasons. ReasonInternalError is no decision: the attempt is in the spool, or if that failed in the log.
const (
	ReasonNoCookie          Reason = "no_cookie"
	ReasonAlreadyAttributed Reason = "already_attributed"
	ReasonInvalidCode       Reason = "invalid_code"
	ReasonSelfReferral      Reason = "self_referral"
	ReasonUnknownCode       Reason = "unknown_code"
	ReasonReferralCycle     Reason = "referral_cycle"
	ReasonNotEligible       Reason = "not_eligible"
	ReasonInternalError     Reason = "internal_error"
)

// The details of ReasonUnknownCode, and of ReasonNotEligible.
const (
	DetailNoSuchCode      = "no_such_code"
	DetailCodeDisabled    = "code_disabled"
	DetailOwnerDisabled   = "owner_disabled"
	DetailInviteeDisabled = "invitee_disabled"
)

// ReasonInfo is a row of Reasons.
type ReasonInfo struct {
	Reason  Reason
	Audited bool              // rejections for it are stored in the audit log
	Words   string            // what support tells a customer
	Details map[string]string // more exact words by detail; without one, as for DetailNoSuchCode, Words apply
}

// Reasons is the table of reasons in the order of their checks (docs/api.md, "Reasons").
var Reasons = []ReasonInfo{
	{Reason: ReasonNoCookie, Words: "no referral code was presented"},
	{Reason: ReasonAlreadyAttributed, Words: "the user already had a referrer"},
	{Reason: ReasonInvalidCode, Audited: true, Words: "the code is not well-formed"},
	{Reason: ReasonSelfReferral, Audited: true, Words: "the code is the user's own"},
	{Reason: ReasonUnknownCode, Audited: true, Words: "there was no such code", Details: map[string]string{
		DetailCodeDisabled:  "the code had been disabled",
		DetailOwnerDisabled: "the account of the code's owner had been disabled",
	}},
	{Reason: ReasonReferralCycle, Audited: true,
		Words: "the code's owner was referred by this user, directly or through others"},
	{Reason: ReasonNotEligible, Audited: true, Words: "the account was older than the signup window allows",
		Details: map[string]string{DetailInviteeDisabled: "the account of the user had been disabled"}},
	{Reason: ReasonInternalError, Words: "the attempt is stored for a later decision: in the spool, or if that failed in the log"},
}

func (r Reason) info() ReasonInfo {
	for _, info := range Reasons {
		if info.Reason == r {
			return info
		}
	}
	return ReasonInfo{Words: string(r)}
}

// Audited reports whether rejections for this reason are stored in the audit log.
func (r Reason) Audited() bool { return r.info().Audited }

// Describe returns the reason in words. It returns an unknown reason as it is.
func (r Reason) Describe(detail string) string {
	info := r.info()
	return cmp.Or(info.Details[detail], info.Words)
}
