package sqlite_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

func TestRejectedAttemptsAreFiltered(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	reject := func(who user, code string, at time.Time) string {
		a := who.attempt(code)
		a.At = at
		attribute(t, s, a)
		return a.ID
	}
	first := reject(ann, "unused-code", noon)
	second := reject(ann, ann.code, noon.Add(time.Hour))
	third := reject(bob, "unused-code", noon.Add(2*time.Hour))
	attribute(t, s, bob.attempt(ann.code))
	for name, c := range map[string]struct {
		filter referral.RejectedFilter
		want   []string
	}{
		"all":       {referral.RejectedFilter{}, []string{first, second, third}},
		"by reason": {referral.RejectedFilter{Reason: referral.ReasonSelfReferral}, []string{second}},
		"by user":   {referral.RejectedFilter{UserID: ann.id}, []string{first, second}},
		"since":     {referral.RejectedFilter{Since: noon.Add(time.Hour)}, []string{second, third}},
		"until":     {referral.RejectedFilter{Until: noon.Add(time.Hour)}, []string{first}},
		"nothing":   {referral.RejectedFilter{UserID: bob.id, Until: noon}, nil},
	} {
		var got []string
		for a, err := range s.Rejected(t.Context(), c.filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
