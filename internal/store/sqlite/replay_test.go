package sqlite_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
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
	recorded := [2]referral.Reason{"", referral.ReasonUnknownCode}
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
			{Outcome: referral.Outcome{Reason: referral.ReasonUnknownCode, Detail: referral.DetailNoSuchCode}, Rejected: recorded[round]},
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

// replayed returns the report of a replay of the attempts as a file.
func replayed(t *testing.T, s *sqlite.Store, attempts ...referral.Attempt) referral.Report {
	t.Helper()
	var file strings.Builder
	for _, a := range attempts {
		file.Write(append(referral.FormatLine(a), '\n'))
	}
	report, err := referral.ReplayLines(t.Context(), s, strings.NewReader(file.String()), referral.SourceReplay, referral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report.Cause = nil
	return report
}

// In each file, the second attempt gives the user a referrer.
func TestSecondReplayCountsLikeTheFirst(t *testing.T) {
	t.Parallel()
	t.Run("after a rejection of which the reason changed", func(t *testing.T) {
		t.Parallel()
		s, _ := newStore(t)
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		a := bob.attempt("bobby")
		attribute(t, s, a)
		setSlug(t, s, bob, "bobby")
		wantSameRejections(t, s, a, bob.attempt(ann.code))
	})
	t.Run("with an attempt that was rejected before the first one of the file", func(t *testing.T) {
		t.Parallel()
		s, _ := newStore(t)
		ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
		b := bob.attempt("annie")
		attribute(t, s, b)
		setSlug(t, s, ann, "annie")
		wantSameRejections(t, s, bob.attempt("typo-code"), b)
	})
}

func setSlug(t *testing.T, s *sqlite.Store, who user, slug string) {
	t.Helper()
	if _, err := s.SetSlug(t.Context(), who.id, slug, noon); err != nil {
		t.Fatal(err)
	}
}

func wantSameRejections(t *testing.T, s *sqlite.Store, attempts ...referral.Attempt) {
	t.Helper()
	first, second := replayed(t, s, attempts...), replayed(t, s, attempts...)
	if first.Attributed != 1 || second.Unchanged != 1 {
		t.Errorf("%+v, then %+v", first, second)
	}
	if diff := cmp.Diff(first.Rejected, second.Rejected); diff != "" {
		t.Error(diff)
	}
}

// A damaged row fails a later transaction of the batch, if each takes only some of it.
func TestReplayCountsWhatIsCommittedBeforeAnAttemptFails(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{0, 25 * time.Millisecond} {
		s, path, c := newStoreWithClock(t)
		all := newUsers(t, s, 6)
		tamper(t, path, `DROP TRIGGER users_keep_id`, `PRAGMA ignore_check_constraints = 1`, `UPDATE users SET id = zeroblob(15) WHERE n = 6`)
		attempts := repeat(5, func(i int) referral.Attempt { return all[i+1].attempt(all[0].code) })
		attempts[4].User, attempts[4].UserEmail = "", "user5@example.com"
		c.step = step
		got := replayed(t, s, attempts...)
		if want := (referral.Report{Read: 5, Attributed: 4, Undecided: 1, Rejected: map[referral.Reason]int64{}}); !cmp.Equal(want, got) {
			t.Errorf("with transactions of %s an attempt: %s", step, cmp.Diff(want, got))
		}
	}
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
