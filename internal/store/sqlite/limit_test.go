package sqlite_test

import (
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// reachDailyLimit makes as many live attempts as are stored if they are rejected.
func reachDailyLimit(t *testing.T, s *sqlite.Store, who user, at time.Time) {
	t.Helper()
	for i := range referral.MaxStoredRejections {
		if o := rejectAt(t, s, who, at); o.Unstored {
			t.Fatalf("rejection %d of %s is not stored", i+1, at)
		}
	}
}

func rejectAt(t *testing.T, s *sqlite.Store, who user, at time.Time) referral.Outcome {
	t.Helper()
	a := who.attempt("unused-code")
	a.At = at
	o := attribute(t, s, a)
	if o.Reason != referral.ReasonUnknownCode {
		t.Fatalf("%+v", o)
	}
	return o
}

func TestDailyLimitDoesNotCountReplayedRejections(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	replayed := repeat(referral.MaxStoredRejections, func(int) referral.Attempt {
		a := ann.attempt("unused-code")
		a.Source = referral.SourceReplay
		return a
	})
	if _, err := s.Replay(t.Context(), replayed, referral.Rules{}); err != nil {
		t.Fatal(err)
	}
	reachDailyLimit(t, s, ann, noon)
	if o := rejectAt(t, s, ann, noon); !o.Unstored {
		t.Error("the limit of live rejections does not hold after a replay")
	}
}

func TestDailyLimitCountsLiveAndSpooledRejectionsTogether(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	spooled := repeat(referral.MaxStoredRejections/2, func(int) referral.Attempt {
		a := ann.attempt("unused-code")
		a.Source = referral.SourceSpool
		return a
	})
	unstored := func() (n int) {
		t.Helper()
		verdicts, err := s.Replay(t.Context(), spooled, referral.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range verdicts {
			if v.Outcome.Reason != referral.ReasonUnknownCode {
				t.Fatalf("%+v", v)
			}
			if v.Outcome.Unstored {
				n++
			}
		}
		return n
	}
	if n := unstored(); n != 0 {
		t.Errorf("%d of the first spooled rejections are not stored", n)
	}
	for range referral.MaxStoredRejections - len(spooled) {
		if o := rejectAt(t, s, ann, noon); o.Unstored {
			t.Error("a live rejection within the limit is not stored")
		}
	}
	if o := rejectAt(t, s, ann, noon); !o.Unstored {
		t.Error("a live rejection beyond the limit is stored")
	}
	spooled = repeat(10, func(int) referral.Attempt {
		a := ann.attempt("unused-code")
		a.Source = referral.SourceSpool
		return a
	})
	if n := unstored(); n != 10 {
		t.Errorf("%d of 10 spooled rejections beyond the limit are not stored", n)
	}
}

func TestDailyLimitCountsRejectionsOfTheSameUTCDayOnly(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	midnight := noon.Truncate(day)
	for name, c := range map[string]struct {
		stored, at time.Time
		unstored   bool
	}{
		"first and last microsecond of a day":        {midnight, midnight.Add(day - time.Microsecond), true},
		"last and first microsecond of a day":        {midnight.Add(day - time.Microsecond), midnight, true},
		"the day after":                              {midnight.Add(day - time.Microsecond), midnight.Add(day), false},
		"the day before, after a clock was set back": {midnight.Add(day), midnight.Add(day - time.Microsecond), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			ann := newUser(t, s, "ann")
			reachDailyLimit(t, s, ann, c.stored)
			if o := rejectAt(t, s, ann, c.at); o.Unstored != c.unstored {
				t.Errorf("Unstored is %t, want %t", o.Unstored, c.unstored)
			}
		})
	}
}
