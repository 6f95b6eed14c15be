package sqlite_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

// A query of the writer cannot be interrupted: one that does not end would stop all attempts.
func TestAttemptThatMeetsADamagedRingIsDecided(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	all := newUsers(t, s, 5)
	invitee := all[3]
	attribute(t, s, all[4].attempt(invitee.code)) // without an invitee of its own, no ring is looked for
	for i, u := range all[:3] {
		referrer := all[(i+1)%3]
		tamper(t, path, named(`INSERT INTO attributions VALUES ($invitee, $referrer, '$code', 0, 'x', 0)`,
			"$invitee", number(u), "$referrer", number(referrer), "$code", referrer.code))
	}
	watchdog := time.AfterFunc(time.Minute, func() { panic("the decision does not end") })
	defer watchdog.Stop()
	want := referral.Outcome{Attributed: true, ReferrerID: all[0].id}
	if diff := cmp.Diff(want, attribute(t, s, invitee.attempt(all[0].code))); diff != "" {
		t.Error(diff)
	}
}
