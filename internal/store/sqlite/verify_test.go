package sqlite_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

func TestVerifyFindsManualChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		want      []string // kinds
	}{
		"attribution deleted": {`DELETE FROM attributions WHERE invitee_id = '$bob'`, []string{referral.DiffMissingAttribution}},
		"referrer changed":    {`UPDATE attributions SET referrer_id = '$dora' WHERE invitee_id = '$bob'`, []string{referral.DiffMismatch}},
		"time changed":        {`UPDATE attributions SET attributed_at = 0 WHERE invitee_id = '$bob'`, []string{referral.DiffMismatch}},
		"attribution invented": {
			`INSERT INTO attributions VALUES ('$dora', '$bob', '$bobcode', 0, 'x')`,
			[]string{referral.DiffMissingEvent},
		},
		"event and attribution invented, of a ring": {
			`INSERT INTO attributions VALUES ('$ann', '$carl', '$carlcode', 0, 'x');
			 INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$ann', 'signup', '$carlcode', '$carl', 'live', 'x')`,
			[]string{"referral_cycle", "referral_cycle", "referral_cycle"},
		},
		"credit to the wrong owner": {
			`INSERT INTO attributions VALUES ('$dora', '$carl', '$bobcode', 0, 'x');
			 INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$dora', 'signup', '$bobcode', '$carl', 'live', 'x')`,
			[]string{referral.DiffMismatch},
		},
		"second signup": {
			`INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$bob', 'signup', '$carlcode', '$carl', 'live', 'x')`,
			[]string{"already_attributed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := newStore(t)
			ann, bob, carl, dora := newUser(t, s, "ann"), newUser(t, s, "bob"), newUser(t, s, "carl"), newUser(t, s, "dora")
			attribute(t, s, bob.attempt(ann.code))
			attribute(t, s, carl.attempt(bob.code))
			wantSound(t, s)
			tamper(t, path, strings.NewReplacer("$bobcode", bob.code, "$carlcode", carl.code,
				"$ann", ann.id, "$bob", bob.id, "$carl", carl.id, "$dora", dora.id).Replace(c.statement))
			v, err := referral.Verify(s.Ledger(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, d := range v.Differences {
				kinds = append(kinds, d.Kind)
			}
			if diff := cmp.Diff(c.want, kinds); diff != "" {
				t.Errorf("%+v %s", v, diff)
			}
		})
	}
}
