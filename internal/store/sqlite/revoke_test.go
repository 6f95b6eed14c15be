package sqlite_test

import (
	"testing"
	"time"
)

func TestRevocationCountsOnlySessionsInForce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	expired := newSession(t, s, ann.id, time.Hour) // at its expiry, a session is expired
	valid := newSession(t, s, ann.id, time.Hour+time.Microsecond)
	other := newSession(t, s, bob.id, 2*time.Hour)
	now := noon.Add(time.Hour)
	for _, want := range []int64{1, 0} {
		if n, err := s.RevokeSessions(t.Context(), ann.id, now); err != nil || n != want {
			t.Errorf("revoked %d sessions, want %d: %v", n, want, err)
		}
	}
	for token, want := range map[[32]byte]time.Time{expired.Token: {}, valid.Token: now, other.Token: {}} {
		if got, err := s.FindSession(t.Context(), token); err != nil || !got.RevokedAt.Equal(want) {
			t.Errorf("revoked at %s, want %s: %v", got.RevokedAt, want, err)
		}
	}
}
