package sqlite_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestVerifyFindsManualChanges(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		want      []string // kinds
	}{
		"attribution deleted": {`DELETE FROM attributions WHERE invitee = $bob`, []string{referral.DiffMissingAttribution}},
		"referrer changed":    {`UPDATE attributions SET referrer = $dora WHERE invitee = $bob`, []string{referral.DiffMismatch}},
		"time changed":        {`UPDATE attributions SET attributed_at = 0 WHERE invitee = $bob`, []string{referral.DiffMismatch}},
		"event of another user": {`UPDATE attributions SET event = 2 WHERE invitee = $bob`,
			[]string{"already_attributed", referral.DiffMissingEvent}},
		"attribution invented": {
			`INSERT INTO attributions VALUES ($dora, $bob, '$bobcode', 0, 'x', 9)`,
			[]string{referral.DiffMissingEvent},
		},
		"event and attribution invented, of a ring": {
			`INSERT INTO attributions VALUES ($ann, $carl, '$carlcode', 0, 'x', 3);
			 INSERT INTO events (at, user, type, code, referrer, source, attempt_id) VALUES (0, $ann, 1, '$carlcode', $carl, 1, 'x')`,
			[]string{"referral_cycle", "referral_cycle", "referral_cycle"},
		},
		"credit to the wrong owner": {
			`INSERT INTO attributions VALUES ($dora, $carl, '$bobcode', 0, 'x', 3);
			 INSERT INTO events (at, user, type, code, referrer, source, attempt_id) VALUES (0, $dora, 1, '$bobcode', $carl, 1, 'x')`,
			[]string{referral.DiffMismatch},
		},
		"second signup": {
			`INSERT INTO events (at, user, type, code, referrer, source, attempt_id) VALUES (0, $bob, 1, '$carlcode', $carl, 1, 'x')`,
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
			tamper(t, path, dropAttributionGuards, named(c.statement, "$bobcode", bob.code, "$carlcode", carl.code,
				"$ann", number(ann), "$bob", number(bob), "$carl", number(carl), "$dora", number(dora)))
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

func TestVerifyEndsInRingsOfAnyNumbers(t *testing.T) {
	t.Parallel()
	for _, ring := range []map[int64]int64{{0: 0}, {0: 2, 2: 0}, {-1: 0, 0: -1}} {
		below := maps.Clone(ring)
		below[7] = 0
		want := make(map[int64]bool)
		for n := range ring {
			want[n] = true
		}
		if diff := cmp.Diff(want, sqlite.RingsOf(below)); diff != "" {
			t.Errorf("%v: %s", below, diff)
		}
	}
}

func TestVerifyReportsAnEventWithoutItsUser(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	all := newUsers(t, s, 2)
	attribute(t, s, all[0].attempt(all[1].code))
	tamper(t, path, `DELETE FROM users WHERE n = 1`)
	if v := verify(t, s); len(v.Differences) == 0 {
		t.Errorf("%+v", v)
	}
}
