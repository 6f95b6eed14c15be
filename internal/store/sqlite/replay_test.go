package sqlite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

func TestAbandonedAttemptIsDecidedOnceWhenReplayed(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := bob.attempt(ann.code)
	if _, err := s.Attribute(ctx, a, referral.Rules{}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	a.Source = referral.SourceSpool
	for range 2 {
		if _, err := s.Replay(t.Context(), []referral.Attempt{a}, referral.Rules{}); err != nil {
			t.Fatal(err)
		}
	}
	if v := wantSound(t, s); v.Attributions != 1 || v.Events != 1 {
		t.Errorf("%+v", v)
	}
}

func TestReplayTwiceEqualsReplayOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 4)
	attempts := []referral.Attempt{
		{User: all[0].id, Code: referral.ParsePresentedCode(all[1].code), At: noon, Source: referral.SourceReplay},
		{UserEmail: "user0@example.com", Code: referral.ParsePresentedCode(all[2].code), At: noon, Source: referral.SourceReplay},
		{User: all[3].id, Code: referral.ParsePresentedCode("unused-code"), At: noon, Source: referral.SourceReplay},
		{User: "unknown", UserEmail: "unknown@example.com", Code: referral.ParsePresentedCode("unused-code"), At: noon, Source: referral.SourceReplay},
	}
	var logs [2]int
	for round, first := range []referral.Verdict{
		{Outcome: referral.Outcome{Attributed: true, ReferrerID: all[1].id}},
		{Outcome: referral.Outcome{Reason: referral.ReasonAlreadyAttributed}, Known: true},
	} {
		got, err := s.Replay(t.Context(), attempts, referral.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		want := []referral.Verdict{
			first,
			{Outcome: referral.Outcome{Reason: referral.ReasonAlreadyAttributed}},
			{Outcome: referral.Outcome{Reason: referral.ReasonUnknownCode, Detail: referral.DetailNoSuchCode}},
			{Err: referral.ErrNoUser},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
			t.Errorf("round %d: %s", round, diff)
		}
		d, err := s.Inspect(t.Context(), all[3].id, 10)
		if err != nil {
			t.Fatal(err)
		}
		logs[round] = len(d.Events)
	}
	if logs != [2]int{1, 1} {
		t.Errorf("events after each round: %v", logs)
	}
	wantSound(t, s)
}

func TestReplayReportsAttemptIDWithAnotherCodeOrTime(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 3)
	signup, rejected := all[0].attempt(all[2].code), all[1].attempt("unused-code")
	attribute(t, s, signup)
	attribute(t, s, rejected)
	for _, recorded := range []referral.Attempt{signup, rejected} {
		recorded.Source = referral.SourceReplay
		otherCode, otherTime := recorded, recorded
		otherCode.Code = referral.ParsePresentedCode("other-code")
		otherTime.At = noon.Add(time.Microsecond)
		got, err := s.Replay(t.Context(), []referral.Attempt{otherCode, otherTime, recorded}, referral.Rules{})
		if err != nil || !errors.Is(got[0].Err, referral.ErrAttemptTaken) || !errors.Is(got[1].Err, referral.ErrAttemptTaken) ||
			got[2].Err != nil {
			t.Errorf("%+v %v", got, err)
		}
	}
	wantSound(t, s)
}

func TestReplayReportsRowRejectedBySchema(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	all := newUsers(t, s, 3)
	// A trigger replaces whatever a row may meet in a file that was changed manually.
	tamper(t, path, `CREATE TRIGGER trap BEFORE INSERT ON attributions WHEN NEW.invitee = 1 BEGIN SELECT raise(ABORT, 'no'); END`)
	got, err := s.Replay(t.Context(), []referral.Attempt{all[0].attempt(all[2].code), all[1].attempt(all[2].code)}, referral.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Err == nil || !got[1].Outcome.Attributed {
		t.Errorf("%+v", got)
	}
}

func TestReplayedRejectionIsAttributedOnceItsCauseIsGone(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	attribute(t, s, bob.attempt("annie"))
	if _, err := s.SetSlug(t.Context(), ann.id, "annie", noon); err != nil {
		t.Fatal(err)
	}
	for _, want := range []referral.Report{
		{Read: 1, Attributed: 1, Rejected: map[referral.Reason]int64{}},
		{Read: 1, Unchanged: 1, Rejected: map[referral.Reason]int64{}},
	} {
		got, err := referral.ReplayRejected(t.Context(), s, s.Rejected(t.Context(), referral.RejectedFilter{}), referral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	wantSound(t, s)
}

func TestReplayedAttemptOfADisabledInviteeIsRejected(t *testing.T) {
	t.Parallel()
	for _, source := range []referral.Source{referral.SourceSpool, referral.SourceReplay} {
		t.Run(string(source), func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
			a := bob.attempt(ann.code)
			a.Source = source
			if _, _, err := s.DisableUser(t.Context(), bob.id, noon); err != nil {
				t.Fatal(err)
			}
			replayed := func() referral.Outcome {
				t.Helper()
				verdicts, err := s.Replay(t.Context(), []referral.Attempt{a}, referral.Rules{})
				if err != nil {
					t.Fatal(err)
				}
				return verdicts[0].Outcome
			}
			if o := replayed(); o.Attributed || o.Reason != referral.ReasonNotEligible || o.Detail != referral.DetailInviteeDisabled {
				t.Errorf("a disabled invitee: %+v", o)
			}
			if _, err := s.EnableUser(t.Context(), bob.id); err != nil {
				t.Fatal(err)
			}
			if o := replayed(); !o.Attributed {
				t.Errorf("an enabled invitee: %+v", o)
			}
			wantSound(t, s)
		})
	}
}
