package referral

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	ann = "00000000-0000-4000-8000-00000000000a" // the invitee
	bob = "00000000-0000-4000-8000-00000000000b" // the code's owner
	eve = "00000000-0000-4000-8000-00000000000e"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	window = 7 * 24 * time.Hour
)

// decision is the input of Decide.
type decision struct {
	attempt Attempt
	facts   Facts
	rules   Rules
}

// eligible is a decision that attributes; each change adds a reason against it.
func eligible(changes ...func(*decision)) decision {
	d := decision{
		attempt: Attempt{ID: "att_1", User: ann, Code: ParsePresentedCode("summer-26"), At: noon, Source: SourceLive},
		facts:   Facts{InviteeID: ann, InviteeCreatedAt: noon.Add(-time.Hour), Code: &CodeFacts{OwnerID: bob}},
		rules:   Rules{SignupWindow: window},
	}
	for _, change := range changes {
		change(&d)
	}
	return d
}

func (d decision) outcome() Outcome { return Decide(d.attempt, d.facts, d.rules) }

// Reasons against an attempt.
func noCookie(d *decision)      { d.attempt.Code = PresentedCode{} }
func attributed(d *decision)    { d.facts.HasReferrer = true }
func malformed(d *decision)     { d.attempt.Code = ParsePresentedCode("no code") }
func ownCode(d *decision)       { d.facts.Code = &CodeFacts{OwnerID: ann} }
func noSuchCode(d *decision)    { d.facts.Code = nil }
func codeDisabled(d *decision)  { d.facts.Code.Disabled = true }
func ownerDisabled(d *decision) { d.facts.Code.OwnerDisabled = true }
func cycle(d *decision)         { d.facts.Cycle = true }
func tooOld(d *decision)        { d.facts.InviteeCreatedAt = noon.Add(-window - time.Microsecond) }

func age(age time.Duration) func(*decision) {
	return func(d *decision) { d.facts.InviteeCreatedAt = d.attempt.At.Add(-age) }
}

func noWindow(d *decision) { d.rules.SignupWindow = 0 }

func TestDecide(t *testing.T) {
	t.Parallel()
	yes := Outcome{Attributed: true, ReferrerID: bob}
	for name, tt := range map[string]struct {
		decision decision
		want     Outcome
	}{
		"eligible":                              {eligible(), yes},
		"no cookie":                             {eligible(noCookie), Outcome{Reason: ReasonNoCookie}},
		"attributed to another":                 {eligible(attributed), Outcome{Reason: ReasonAlreadyAttributed}},
		"attributed to the same":                {eligible(func(d *decision) { d.facts.HasReferrer = true }), Outcome{Reason: ReasonAlreadyAttributed}},
		"malformed":                             {eligible(malformed), Outcome{Reason: ReasonInvalidCode}},
		"malformed, no such code":               {eligible(malformed, noSuchCode), Outcome{Reason: ReasonInvalidCode}},
		"own code":                              {eligible(ownCode), Outcome{Reason: ReasonSelfReferral, ReferrerID: ann}},
		"own code, disabled":                    {eligible(ownCode, codeDisabled), Outcome{Reason: ReasonSelfReferral, ReferrerID: ann}},
		"no such code":                          {eligible(noSuchCode), Outcome{Reason: ReasonUnknownCode, Detail: DetailNoSuchCode}},
		"code disabled":                         {eligible(codeDisabled), Outcome{Reason: ReasonUnknownCode, Detail: DetailCodeDisabled, ReferrerID: bob}},
		"owner disabled":                        {eligible(ownerDisabled), Outcome{Reason: ReasonUnknownCode, Detail: DetailOwnerDisabled, ReferrerID: bob}},
		"cycle":                                 {eligible(cycle), Outcome{Reason: ReasonReferralCycle, ReferrerID: bob}},
		"older than the window":                 {eligible(tooOld), Outcome{Reason: ReasonNotEligible, ReferrerID: bob}},
		"as old as the window":                  {eligible(age(window)), yes},
		"older, no window":                      {eligible(tooOld, noWindow), yes},
		"called before the account was created": {eligible(age(-time.Hour)), yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, tt.decision.outcome()); d != "" {
				t.Errorf("outcome (-want +got):\n%s", d)
			}
		})
	}
}

func TestEarlierReasonWins(t *testing.T) {
	t.Parallel()
	against := []struct {
		apply  func(*decision)
		reason Reason
		detail string
	}{
		{noCookie, ReasonNoCookie, ""},
		{attributed, ReasonAlreadyAttributed, ""},
		{malformed, ReasonInvalidCode, ""},
		{ownCode, ReasonSelfReferral, ""},
		{codeDisabled, ReasonUnknownCode, DetailCodeDisabled},
		{ownerDisabled, ReasonUnknownCode, DetailOwnerDisabled},
		{cycle, ReasonReferralCycle, ""},
		{tooOld, ReasonNotEligible, ""},
	}
	for i, earlier := range against {
		// With each of the later ones alone, and with all of them at once.
		all := []func(*decision){earlier.apply}
		for _, later := range against[i+1:] {
			all = append(all, later.apply)
			checkReason(t, eligible(earlier.apply, later.apply, keepCode(earlier.reason)), earlier.reason, earlier.detail)
		}
		all = append(all, keepCode(earlier.reason))
		checkReason(t, eligible(all...), earlier.reason, earlier.detail)
	}
	checkReason(t, eligible(cycle, tooOld, noSuchCode), ReasonUnknownCode, DetailNoSuchCode)
	checkReason(t, eligible(noSuchCode, attributed), ReasonAlreadyAttributed, "")
	checkReason(t, eligible(noSuchCode, noCookie), ReasonNoCookie, "")
}

// keepCode undoes what a later reason did to the only presented value.
func keepCode(reason Reason) func(*decision) {
	if reason == ReasonNoCookie {
		return noCookie
	}
	return func(*decision) {}
}

func checkReason(t *testing.T, d decision, reason Reason, detail string) {
	t.Helper()
	if o := d.outcome(); o.Attributed || o.Reason != reason || o.Detail != detail {
		t.Errorf("%+v: decided %+v, want %s %s", d, o, reason, detail)
	}
}

// It decides every combination of facts. The server sends the reason as it is.
func TestEveryDecidedReasonIsInTheTable(t *testing.T) {
	t.Parallel()
	changes := []func(*decision){
		codeDisabled, ownerDisabled, noSuchCode, ownCode, noCookie, attributed, malformed, cycle, tooOld, noWindow,
	}
	decided := map[Reason]bool{}
	for set := range 1 << len(changes) {
		d := eligible()
		for i, change := range changes {
			if set&(1<<i) != 0 {
				change(&d)
			}
		}
		o := d.outcome()
		if o.Attributed != (o.Reason == "") {
			t.Errorf("%+v: decided %+v", d, o)
		}
		decided[o.Reason] = true
	}
	delete(decided, "")
	for _, r := range Reasons {
		if decided[r.Reason] == (r.Reason == ReasonInternalError) {
			t.Errorf("%s is decided: %t", r.Reason, decided[r.Reason])
		}
		delete(decided, r.Reason)
	}
	for r := range decided {
		t.Errorf("%s is not in the table", r)
	}
}

func TestDecideIsTheSameForEverySource(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*decision){func(*decision) {}, codeDisabled, tooOld} {
		want := eligible(change).outcome()
		for _, source := range []Source{SourceLive, SourceSpool, SourceReplay} {
			got := eligible(change, func(d *decision) { d.attempt.Source = source }).outcome()
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-live +this):\n%s", source, d)
			}
		}
	}
}

func TestReasonsInTheAuditLog(t *testing.T) {
	t.Parallel()
	audited := map[Reason]bool{
		ReasonNoCookie: false, ReasonAlreadyAttributed: false, ReasonInvalidCode: true, ReasonSelfReferral: true,
		ReasonUnknownCode: true, ReasonReferralCycle: true, ReasonNotEligible: true, ReasonInternalError: false,
	}
	if len(Reasons) != len(audited) {
		t.Errorf("there are %d reasons, this test has %d", len(Reasons), len(audited))
	}
	for _, r := range Reasons {
		if want, ok := audited[r.Reason]; !ok || r.Reason.Audited() != want {
			t.Errorf("%s.Audited() = %t, want %t", r.Reason, r.Reason.Audited(), want)
		}
	}
	if Reason("").Audited() {
		t.Error("the empty reason is audited")
	}
}

func TestEveryReasonIsDescribed(t *testing.T) {
	t.Parallel()
	for _, r := range Reasons {
		if words := r.Reason.Describe(""); words == "" || words == string(r.Reason) {
			t.Errorf("%s is described as %q", r.Reason, words)
		}
	}
	for detail, want := range map[string]string{
		DetailNoSuchCode: "there was no such code", DetailCodeDisabled: "the code had been disabled", "of a later version": "there was no such code",
	} {
		if got := ReasonUnknownCode.Describe(detail); got != want {
			t.Errorf("Describe(%s) = %q, want %q", detail, got, want)
		}
	}
	if got := Reason("of_a_later_version").Describe(""); got != "of_a_later_version" {
		t.Errorf("an unknown reason is described as %q", got)
	}
}
