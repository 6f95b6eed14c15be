package referral

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEventOf(t *testing.T) {
	t.Parallel()
	a := Attempt{ID: "att_1", User: "ann@example.com", Code: ParsePresentedCode("summer-26"), At: noon, RequestID: "req_1", Source: SourceReplay}
	// The user is the id that the store found, not the e-mail address in the line.
	base := Event{At: noon, UserID: ann, Code: "summer-26", Source: SourceReplay, AttemptID: "att_1", RequestID: "req_1"}
	event := func(change func(*Event)) *Event { e := base; change(&e); return &e }

	for name, tt := range map[string]struct {
		outcome Outcome
		want    *Event // nil: no event
	}{
		"attributed": {
			Outcome{Attributed: true, ReferrerID: bob},
			event(func(e *Event) { e.Type, e.ReferrerID = EventSignup, bob }),
		},
		"rejected": {
			Outcome{Reason: ReasonUnknownCode, Detail: DetailCodeDisabled, ReferrerID: bob},
			event(func(e *Event) {
				e.Type, e.ReferrerID, e.Reason, e.Detail = EventRejected, bob, ReasonUnknownCode, DetailCodeDisabled
			}),
		},
		"rejected beyond the daily limit":   {Outcome{Reason: ReasonUnknownCode, Unstored: true}, nil},
		"rejected for a reason not audited": {Outcome{Reason: ReasonNoCookie}, nil},
		"already attributed":                {Outcome{Reason: ReasonAlreadyAttributed}, nil},
		"internal error":                    {Outcome{Reason: ReasonInternalError}, nil},
		"no outcome":                        {Outcome{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, ok := EventOf(a, ann, tt.outcome)
			if ok != (tt.want != nil) {
				t.Fatalf("there is an event: %t", ok)
			}
			if !ok {
				return
			}
			if d := cmp.Diff(*tt.want, e); d != "" {
				t.Errorf("event (-want +got):\n%s", d)
			}
		})
	}
}
