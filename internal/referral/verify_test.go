package referral

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// agreed is an attribution on which the log, the table and the decision agree; changes break that.
func agreed(changes ...func(*Recorded)) Recorded {
	r := Recorded{
		Event: &Event{ID: 7, At: noon, UserID: ann, Type: EventSignup, Code: "summer-26", ReferrerID: bob, Source: SourceLive, AttemptID: "att_1"},
		Row:   &Attribution{InviteeID: ann, ReferrerID: bob, Code: "summer-26", AttributedAt: noon, AttemptID: "att_1", EventID: 7},
		Facts: Facts{InviteeID: ann, Code: &CodeFacts{OwnerID: bob}},
	}
	for _, change := range changes {
		change(&r)
	}
	return r
}

// ledger yields the records and then err, if it is not nil.
func ledger(err error, records ...Recorded) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(Recorded{}, err)
		}
	}
}

func TestVerifyFindsEveryDifference(t *testing.T) {
	t.Parallel()
	noRow := func(r *Recorded) { r.Row = nil }
	for name, tt := range map[string]struct {
		record Recorded
		want   []string // the kinds of difference
	}{
		"agreed":                   {agreed(), nil},
		"no event":                 {agreed(func(r *Recorded) { r.Event = nil }), []string{DiffMissingEvent}},
		"no attribution":           {agreed(noRow), []string{DiffMissingAttribution}},
		"another referrer":         {agreed(func(r *Recorded) { r.Row.ReferrerID = eve }), []string{DiffMismatch}},
		"another code":             {agreed(func(r *Recorded) { r.Row.Code = "winter-26" }), []string{DiffMismatch}},
		"another time":             {agreed(func(r *Recorded) { r.Row.AttributedAt = noon.Add(time.Microsecond) }), []string{DiffMismatch}},
		"another attempt":          {agreed(func(r *Recorded) { r.Row.AttemptID = "att_2" }), []string{DiffMismatch}},
		"another owner":            {agreed(func(r *Recorded) { r.Facts.Code.OwnerID = eve }), []string{DiffMismatch}},
		"event without a referrer": {agreed(func(r *Recorded) { r.Event.ReferrerID = "" }), []string{DiffMismatch, DiffMismatch}},
		"no code":                  {agreed(func(r *Recorded) { r.Facts.Code = nil }), []string{string(ReasonUnknownCode)}},
		"own code":                 {agreed(func(r *Recorded) { r.Facts.Code.OwnerID = ann }), []string{string(ReasonSelfReferral)}},
		"malformed code": {agreed(func(r *Recorded) { r.Event.Code, r.Row.Code = "no code", "no code" }),
			[]string{string(ReasonInvalidCode)}},
		"cycle": {agreed(func(r *Recorded) { r.Facts.Cycle = true }), []string{string(ReasonReferralCycle)}},
		"second signup of one user": {agreed(noRow, func(r *Recorded) { r.Facts.HasReferrer = true }),
			[]string{string(ReasonAlreadyAttributed)}},
		"rejected, and another referrer": {agreed(func(r *Recorded) { r.Facts.Cycle, r.Row.ReferrerID = true, eve }),
			[]string{string(ReasonReferralCycle), DiffMismatch}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := Verify(ledger(nil, agreed(), tt.record))
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, d := range v.Differences {
				kinds = append(kinds, d.Kind)
				if d.InviteeID != ann || d.Detail == "" {
					t.Errorf("the difference has no invitee or no detail: %+v", d)
				}
			}
			if d := cmp.Diff(tt.want, kinds, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("differences (-want +got):\n%s", d)
			}
		})
	}
}

func TestVerifyCounts(t *testing.T) {
	t.Parallel()
	v, err := Verify(ledger(nil,
		agreed(), agreed(func(r *Recorded) { r.Row = nil }), agreed(func(r *Recorded) { r.Row = nil }), agreed(func(r *Recorded) { r.Event = nil }),
	))
	if err != nil {
		t.Fatal(err)
	}
	if v.Events != 3 || v.Attributions != 2 || len(v.Differences) != 3 {
		t.Errorf("%d events, %d attributions and %d differences, want 3, 2 and 3", v.Events, v.Attributions, len(v.Differences))
	}
}

func TestVerifyReportsAReadError(t *testing.T) {
	t.Parallel()
	failed := errors.New("the store failed")
	if _, err := Verify(ledger(failed, agreed())); !errors.Is(err, failed) {
		t.Errorf("Verify = %v, want %v", err, failed)
	}
}

func TestDifferenceShowsBothSides(t *testing.T) {
	t.Parallel()
	v, err := Verify(ledger(nil, agreed(func(r *Recorded) { r.Row.ReferrerID = eve })))
	if err != nil || len(v.Differences) != 1 {
		t.Fatalf("Verify = %+v, %v", v, err)
	}
	for _, part := range []string{"event 7", bob, eve, "summer-26", "att_1", "2026-03-01T12:00:00.000000Z"} {
		if !strings.Contains(v.Differences[0].Detail, part) {
			t.Errorf("%q does not say %q", v.Differences[0].Detail, part)
		}
	}
}
