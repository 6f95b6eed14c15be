package sqlite_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestAttributionAndItsEventAgree(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	a := bob.attempt(ann.code)
	want := referral.Outcome{Attributed: true, ReferrerID: ann.id}
	if diff := cmp.Diff(want, attribute(t, s, a)); diff != "" {
		t.Error(diff)
	}
	d, err := s.Inspect(t.Context(), bob.id, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&referral.Relation{UserID: ann.id, DisplayName: "ann", Code: ann.code, AttributedAt: noon, AttemptID: a.ID}, d.ReferredBy); diff != "" {
		t.Error(diff)
	}
	event := referral.Event{
		ID: 1, At: noon, UserID: bob.id, Type: referral.EventSignup, Code: ann.code, ReferrerID: ann.id,
		Source: referral.SourceLive, AttemptID: a.ID, RequestID: a.RequestID,
	}
	if diff := cmp.Diff([]referral.Event{event}, d.Events); diff != "" {
		t.Error(diff)
	}
	if v := wantSound(t, s); v.Attributions != 1 || v.Events != 1 {
		t.Errorf("%+v", v)
	}
}

func TestEachRejectionReadsItsFacts(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob, carl, dora := newUser(t, s, "ann"), newUser(t, s, "bob"), newUser(t, s, "carl"), newUser(t, s, "dora")
	eve, fay := newUser(t, s, "eve"), newUser(t, s, "fay")
	for _, slug := range []string{"first", "second"} {
		if _, err := s.SetSlug(t.Context(), ann.id, slug, noon); err != nil {
			t.Fatal(err)
		}
	}
	attribute(t, s, bob.attempt(ann.code))
	attribute(t, s, carl.attempt(bob.code))
	if _, _, err := s.DisableUser(t.Context(), dora.id, noon); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		who    user
		code   string
		reason referral.Reason
		detail string
	}{
		"linked already":     {bob, ann.code, referral.ReasonAlreadyAttributed, ""},
		"malformed":          {ann, "a!", referral.ReasonInvalidCode, ""},
		"own uid code":       {ann, ann.code, referral.ReasonSelfReferral, ""},
		"own disabled slug":  {ann, "first", referral.ReasonSelfReferral, ""},
		"no such code":       {ann, "unused-code", referral.ReasonUnknownCode, referral.DetailNoSuchCode},
		"disabled slug":      {eve, "first", referral.ReasonUnknownCode, referral.DetailCodeDisabled},
		"disabled owner":     {ann, dora.code, referral.ReasonUnknownCode, referral.DetailOwnerDisabled},
		"ring of two":        {ann, bob.code, referral.ReasonReferralCycle, ""},
		"ring of three":      {ann, carl.code, referral.ReasonReferralCycle, ""},
		"disabled invitee":   {dora, "second", referral.ReasonNotEligible, referral.DetailInviteeDisabled},
		"active slug counts": {fay, "second", "", ""},
	} {
		o := attribute(t, s, c.who.attempt(c.code))
		if o.Reason != c.reason || o.Detail != c.detail || o.Attributed != (c.reason == "") {
			t.Errorf("%s: %+v", name, o)
		}
	}
	wantSound(t, s)
}

func TestFiftyEqualCallsGiveOneAttribution(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	if n := race(t, s, repeat(50, func(int) referral.Attempt { return bob.attempt(ann.code) })); n != 1 {
		t.Errorf("%d calls were answered true", n)
	}
	if v := wantSound(t, s); v.Attributions != 1 {
		t.Errorf("%+v", v)
	}
}

func TestReferrersRacingForOneUserGiveOneAttribution(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 9)
	if n := race(t, s, repeat(8, func(i int) referral.Attempt { return all[8].attempt(all[i].code) })); n != 1 {
		t.Errorf("%d calls were answered true", n)
	}
	wantSound(t, s)
}

func TestUsersNamingEachOtherAtOnceFormNoCycle(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 20)
	attempts := repeat(20, func(i int) referral.Attempt { return all[i].attempt(all[i^1].code) })
	if n := race(t, s, attempts); n != 10 {
		t.Errorf("%d of 10 pairs are linked", n)
	}
	wantSound(t, s)
}

func repeat(n int, f func(int) referral.Attempt) []referral.Attempt {
	all := make([]referral.Attempt, n)
	for i := range all {
		all[i] = f(i)
	}
	return all
}

// race makes all attempts at once and returns how many were answered true.
func race(t *testing.T, s *sqlite.Store, attempts []referral.Attempt) (attributed int) {
	t.Helper()
	var wg sync.WaitGroup
	outcomes := make([]referral.Outcome, len(attempts))
	start := make(chan struct{})
	for i, a := range attempts {
		wg.Go(func() {
			<-start
			o, err := s.Attribute(t.Context(), a, referral.Rules{})
			if err != nil {
				t.Error(err)
			}
			outcomes[i] = o
		})
	}
	close(start)
	wg.Wait()
	for _, o := range outcomes {
		if o.Attributed {
			attributed++
		}
	}
	return attributed
}

func TestFailedAttemptDoesNotAffectOthersInItsBatch(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 65)
	referrer := all[64]
	unknown := user{id: "00000000-0000-4000-8000-000000000000"}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			who := all[i]
			if i%8 == 0 {
				who = unknown
			}
			o, err := s.Attribute(t.Context(), who.attempt(referrer.code), referral.Rules{})
			if who == unknown {
				if !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("an attempt of an unknown user: %+v %v", o, err)
				}
				return
			}
			if err != nil || !o.Attributed {
				t.Errorf("a good attempt next to bad ones: %+v %v", o, err)
			}
		})
	}
	wg.Wait()
	if v := wantSound(t, s); v.Attributions != 56 {
		t.Errorf("%d attributions instead of 56", v.Attributions)
	}
}

func TestRejectionsBeyondDailyLimitAreAnsweredButNotStored(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	unstored := 0
	for range referral.MaxStoredRejections + 3 {
		o := attribute(t, s, ann.attempt("unused-code"))
		if o.Reason != referral.ReasonUnknownCode {
			t.Fatalf("%+v", o)
		}
		if o.Unstored {
			unstored++
		}
	}
	if unstored != 3 {
		t.Errorf("%d rejections were left out instead of 3", unstored)
	}
	tomorrow := ann.attempt("unused-code")
	tomorrow.At = noon.Add(12 * time.Hour)
	if o := attribute(t, s, tomorrow); o.Unstored {
		t.Error("the next UTC day is a new one")
	}
	replayed := ann.attempt("unused-code")
	replayed.Source = referral.SourceReplay
	if _, err := s.Replay(t.Context(), []referral.Attempt{replayed}, referral.Rules{}); err != nil {
		t.Fatal(err)
	}
	d, err := s.Inspect(t.Context(), ann.id, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(d.Events), referral.MaxStoredRejections+2; got != want {
		t.Errorf("%d events instead of %d", got, want)
	}
}

func TestClosedStoreAnswersErrClosed(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Attribute(t.Context(), bob.attempt(ann.code), referral.Rules{}); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("attribute: %v", err)
	}
	if _, err := s.RevokeSessions(t.Context(), ann.id, noon); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if _, err := s.FindUser(t.Context(), auth.UserRef{ID: ann.id}); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("read: %v", err)
	}
}

func TestWriteLockOfAnotherProcessDelaysAttempts(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	release := holdWriteLock(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(ctx, a, referral.Rules{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the lock is held: %v", err)
	}
	release()
	a.Source = referral.SourceSpool
	got, err := s.Replay(t.Context(), []referral.Attempt{a}, referral.Rules{})
	if err != nil || !got[0].Outcome.Attributed {
		t.Errorf("%+v %v", got, err)
	}
	wantSound(t, s)
}
