package referral_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// scripted is a store with the outcome that decide returns.
type scripted struct {
	referral.Store
	decide  func(ctx context.Context, a referral.Attempt) (referral.Outcome, error)
	calls   atomic.Int64
	running atomic.Int64
	most    atomic.Int64 // at a time
}

func (s *scripted) Attribute(ctx context.Context, a referral.Attempt, _ referral.Rules) (referral.Outcome, error) {
	s.calls.Add(1)
	n := s.running.Add(1)
	defer s.running.Add(-1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	return s.decide(ctx, a)
}

// submitAll submits the attempts together and returns how often each outcome was answered, as text.
func submitAll(s *service, attempts []referral.Attempt) map[string]int {
	outcomes := make(chan string, len(attempts))
	for _, a := range attempts {
		go func() { outcomes <- fmt.Sprintf("%+v", s.Submit(context.Background(), a).Reason) }()
	}
	counts := make(map[string]int)
	for range attempts {
		counts[<-outcomes]++
	}
	return counts
}

// calls returns n attempts of ann, with the code that codeOf returns.
func calls(n int, codeOf func(i int) string) (all []referral.Attempt) {
	for i := range n {
		all = append(all, call(fmt.Sprint("a", i), codeOf(i)))
	}
	return all
}

func sameCode(int) string { return "summer-26" }

func manyCodes(i int) string { return fmt.Sprint("summer-", i) }

func slowly(o referral.Outcome) func(context.Context, referral.Attempt) (referral.Outcome, error) {
	return func(context.Context, referral.Attempt) (referral.Outcome, error) {
		<-time.After(time.Millisecond) // in the clock of synctest
		return o, nil
	}
}

func TestOneAttemptOfAUserIsDecidedAtATime(t *testing.T) {
	t.Parallel()
	rejected := referral.Outcome{Reason: referral.ReasonUnknownCode, Detail: referral.DetailNoSuchCode}
	unstored := rejected
	unstored.Unstored = true
	for name, c := range map[string]struct {
		outcome referral.Outcome
		codeOf  func(int) string
		decided int64
		answers map[string]int
	}{
		"an attribution answers the others":           {referral.Outcome{Attributed: true}, manyCodes, 1, map[string]int{"": 1, "already_attributed": 99}},
		"a referrer answers the others":               {referral.Outcome{Reason: referral.ReasonAlreadyAttributed}, manyCodes, 1, map[string]int{"already_attributed": 100}},
		"a stored rejection answers no other call":    {rejected, sameCode, 100, map[string]int{"unknown_code": 100}},
		"an unstored rejection answers for its code":  {unstored, sameCode, 2, map[string]int{"unknown_code": 100}},
		"an unstored rejection answers no other code": {unstored, manyCodes, 100, map[string]int{"unknown_code": 100}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &scripted{decide: slowly(c.outcome)}
				s := newService(store, nil, time.Minute)
				first := make(chan string) // the others come while it is decided
				go func() { first <- string(s.Submit(context.Background(), call("first", c.codeOf(0))).Reason) }()
				synctest.Wait()
				answers := submitAll(s, calls(99, func(i int) string { return c.codeOf(i + 1) }))
				answers[<-first]++
				diff(t, "answers", c.answers, answers)
				diff(t, "decided", c.decided, store.calls.Load())
				diff(t, "at a time", int64(1), store.most.Load())
			})
		})
	}
}

// The rejection was decided before the call, for which the code may exist.
func TestRejectionAnswersNoLaterCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &scripted{}
		store.decide = func(_ context.Context, a referral.Attempt) (referral.Outcome, error) {
			if a.ID == "first" { // decided, and its commit takes a second
				<-time.After(time.Second)
				return referral.Outcome{Reason: referral.ReasonUnknownCode, Unstored: true}, nil
			}
			return referral.Outcome{Attributed: true}, nil
		}
		s := newService(store, nil, time.Minute)
		go s.Submit(context.Background(), call("first", "summer-26"))
		synctest.Wait()
		if o := s.Submit(t.Context(), call("second", "summer-26")); !o.Attributed {
			t.Errorf("answered %+v, want the decision on the later call", o)
		}
	})
}

func TestUsersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		store := &scripted{decide: func(_ context.Context, a referral.Attempt) (referral.Outcome, error) {
			if a.User == ann {
				<-release
			}
			return referral.Outcome{Attributed: true}, nil
		}}
		s := newService(store, nil, time.Minute)
		go submitAll(s, calls(1000, manyCodes))
		synctest.Wait()
		other := call("b1", "summer-26")
		other.User = bob
		diff(t, "outcome", referral.Outcome{Attributed: true}, s.Submit(t.Context(), other))
		close(release)
		synctest.Wait()
		diff(t, "users in memory", 0, s.UsersInMemory())
	})
}

// Calls that wait for one that hangs are in the spool at their deadline, one line per code.
func TestCallsThatWaitTooLongAreSpooledOncePerCode(t *testing.T) {
	t.Parallel()
	_, database := newStore(t)
	sp := spool.New(database)
	store := &scripted{decide: func(ctx context.Context, _ referral.Attempt) (referral.Outcome, error) {
		<-ctx.Done()
		return referral.Outcome{}, ctx.Err()
	}}
	s := newService(store, sp, 50*time.Millisecond)
	answers := submitAll(s, calls(200, func(i int) string { return manyCodes(i % 4) }))
	diff(t, "answers", map[string]int{"internal_error": 200}, answers)
	snapshot, err := sp.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	lines := make(map[string]int)
	for _, a := range readAttempts(t, snapshot) {
		lines[a.Code.Text]++
	}
	diff(t, "lines", map[string]int{"summer-0": 1, "summer-1": 1, "summer-2": 1, "summer-3": 1}, lines)
}

func TestSpooledAttemptsAreLoggedOnceASecondWithACount(t *testing.T) {
	t.Parallel()
	store := &scripted{decide: func(context.Context, referral.Attempt) (referral.Outcome, error) {
		return referral.Outcome{}, errors.New("the disk is full")
	}}
	_, database := newStore(t)
	s := newService(store, spool.New(database), time.Minute)
	at := noon
	for i := range 20 {
		a := call(fmt.Sprint("a", i), manyCodes(i))
		a.At = at
		at = at.Add(100 * time.Millisecond)
		diff(t, "outcome", internalError(), s.Submit(t.Context(), a))
	}
	var counts []string
	for line := range strings.Lines(s.log.String()) {
		_, count, _ := strings.Cut(strings.TrimSpace(line), "not_logged=")
		counts = append(counts, count)
	}
	diff(t, "lines", []string{"0", "9"}, counts)
}
