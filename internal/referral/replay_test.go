package referral_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// handWritten returns a line without an attempt id.
func handWritten(user, code string, at time.Time) string {
	return fmt.Sprintf(`{"user":%q,"code":%q,"at":%q}`+"\n", user, code, at.Format(time.RFC3339))
}

type counts = map[referral.Reason]int64

// mixed is a file with every kind of line.
var mixed = handWritten("ann@example.com", codeOf(bob), noon) + // attributed
	"\n" +
	handWritten(ann, codeOf(eve), noon.Add(time.Second)) + // ann has a referrer now
	"garbage\n" +
	handWritten("unknown@example.com", codeOf(eve), noon) +
	handWritten(bob, codeOf(ann), noon) + // ann was referred by bob
	handWritten(bob, "no code", noon) +
	handWritten(eve, codeOf(eve), noon) +
	handWritten(eve, "no-such-code", noon)

func replayMixed(t *testing.T, store referral.Store) (report referral.Report, bad []string) {
	t.Helper()
	report, err := referral.ReplayLines(t.Context(), store, strings.NewReader(mixed), referral.SourceReplay, referral.Options{
		OnBad: func(number int, err error) {
			kind := "malformed"
			if errors.Is(err, referral.ErrNoUser) {
				kind = "no user"
			}
			bad = append(bad, fmt.Sprintf("%d %s", number, kind))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, bad
}

func TestReplayCountsEveryLine(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	want := referral.Report{Read: 8, Attributed: 1, Unchanged: 1, Malformed: 2, Rejected: counts{
		referral.ReasonReferralCycle: 1, referral.ReasonInvalidCode: 1, referral.ReasonSelfReferral: 1, referral.ReasonUnknownCode: 1,
	}}
	wantBad := []string{"4 malformed", "5 no user"}
	report, bad := replayMixed(t, store)
	diff(t, "report", want, report)
	diff(t, "reported lines", wantBad, bad)

	want.Attributed, want.Unchanged = 0, 2
	report, bad = replayMixed(t, store)
	diff(t, "second report", want, report)
	diff(t, "lines reported again", wantBad, bad)
}

func TestReplayTwiceStoresTheSameEvents(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	replayMixed(t, store)
	once := events(t, store)
	replayMixed(t, store)
	diff(t, "events", once, events(t, store))
	if len(once) != 5 {
		t.Errorf("there are %d events, want one per audited decision: %+v", len(once), once)
	}
}

type inspector interface {
	Inspect(ctx context.Context, userID string, limit int) (referral.Inspection, error)
}

func events(t *testing.T, store inspector) (all []referral.Event) {
	t.Helper()
	for _, user := range []string{ann, bob, eve} {
		inspection, err := store.Inspect(t.Context(), user, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, inspection.Events...)
	}
	return all
}

// many returns n lines, all rejected.
func many(n int) string {
	var b bytes.Buffer
	for i := range n {
		b.WriteString(handWritten(ann, "no-such-code", noon.Add(time.Duration(i)*time.Second)))
	}
	return b.String()
}

func TestReplayUsesSeveralTransactions(t *testing.T) {
	t.Parallel()
	const lines = 3000
	store, _ := newStore(t)
	var progress []int64
	report, err := referral.ReplayLines(t.Context(), store, strings.NewReader(many(lines)), referral.SourceReplay,
		referral.Options{Progress: func(read int64) { progress = append(progress, read) }})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: lines, Rejected: counts{referral.ReasonUnknownCode: lines}}, report)
	if len(progress) < 2 || progress[len(progress)-1] != lines {
		t.Errorf("progress is %d", progress)
	}
	diff(t, "events", lines, len(events(t, store)))
}

func TestFailedReplayCountsWhatIsStored(t *testing.T) {
	t.Parallel()
	working, _ := newStore(t)
	failed, _ := closedStore(t)
	var store changeable
	store.store.Store(working)
	report, err := referral.ReplayLines(t.Context(), &store, strings.NewReader(many(3000)), referral.SourceReplay,
		referral.Options{Progress: func(int64) { store.store.Store(failed) }})
	if err == nil {
		t.Error("replay on a closed store succeeded")
	}
	done := int64(len(events(t, working)))
	if done == 0 || done == 3000 {
		t.Fatalf("%d of 3000 lines are done", done)
	}
	diff(t, "report", referral.Report{Read: done, Rejected: counts{referral.ReasonUnknownCode: done}}, report)
}

func TestReplayStoresTheLinesBeforeAReadError(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	broken := errors.New("the disk is broken")
	file := io.MultiReader(strings.NewReader(many(3)), iotest.ErrReader(broken))
	report, err := referral.ReplayLines(t.Context(), store, file, referral.SourceReplay, referral.Options{})
	if !errors.Is(err, broken) {
		t.Errorf("ReplayLines = %v, want %v", err, broken)
	}
	diff(t, "report", referral.Report{Read: 3, Rejected: counts{referral.ReasonUnknownCode: 3}}, report)
}

func TestDrainMovesBadLinesToTheDeadLetterFile(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	sp := spool.New(database)
	unknown := strings.TrimSuffix(handWritten("unknown@example.com", codeOf(eve), noon), "\n")
	long := strings.Repeat("x", 200_000)
	writeFile(t, database+".spool", "garbage\n"+unknown+"\n"+long+"\n"+handWritten(ann, codeOf(bob), noon)+`{"torn`)

	var numbers []int
	report, err := referral.DrainSpool(t.Context(), store, sp, referral.Options{OnBad: func(number int, _ error) { numbers = append(numbers, number) }})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: 5, Attributed: 1, Malformed: 4, Rejected: counts{}}, report)
	diff(t, "lines reported", []int{1, 2, 3, 5}, numbers)
	diff(t, "dead letters", "garbage\n"+unknown+"\n"+long+"\n"+`{"torn`+"\n", readFile(t, sp.DeadLetterFile()))
	diff(t, "attempts in the spool", 0, pending(t, sp))
}

func TestReplayRejectedDecidesAgain(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	for _, a := range []referral.Attempt{call("a1", "summer-26"), call("a2", "no code")} {
		if _, err := store.Attribute(t.Context(), a, referral.Rules{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.SetSlug(t.Context(), bob, "summer-26", noon); err != nil {
		t.Fatal(err)
	}
	replay := func(f referral.RejectedFilter) referral.Report {
		report, err := referral.ReplayRejected(t.Context(), store, store.Rejected(t.Context(), f), referral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	diff(t, "of another reason", referral.Report{Rejected: counts{}}, replay(referral.RejectedFilter{Reason: referral.ReasonReferralCycle}))
	want := referral.Report{Read: 2, Attributed: 1, Unchanged: 1, Rejected: counts{}}
	diff(t, "all", want, replay(referral.RejectedFilter{}))
	want.Attributed, want.Unchanged = 0, 2
	diff(t, "all, twice", want, replay(referral.RejectedFilter{}))

	inspection, err := store.Inspect(t.Context(), ann, 10)
	if err != nil {
		t.Fatal(err)
	}
	wantReferrer := &referral.Relation{UserID: bob, Code: "summer-26", AttributedAt: noon, AttemptID: "a1"}
	if d := cmp.Diff(wantReferrer, inspection.ReferredBy); d != "" {
		t.Errorf("referrer (-want +got):\n%s", d)
	}
}

func TestReplayRejectedReportsAReadError(t *testing.T) {
	t.Parallel()
	failed, _ := closedStore(t)
	if _, err := referral.ReplayRejected(t.Context(), failed, failed.Rejected(t.Context(), referral.RejectedFilter{}), referral.Options{}); err == nil {
		t.Error("replay on a closed store succeeded")
	}
}

// One line is rejected and a later line attributes the same user. In the second run, the first line still counts as
// rejected.
func TestReplayTwiceReportsTheSameCounts(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	code := codeOf(ann)
	file := handWritten(bob, "no-such-code", noon) + handWritten(bob, code, noon) + handWritten(bob, code, noon.Add(time.Second))
	for _, want := range []referral.Report{
		{Read: 3, Attributed: 1, Unchanged: 1, Rejected: counts{referral.ReasonUnknownCode: 1}},
		{Read: 3, Unchanged: 2, Rejected: counts{referral.ReasonUnknownCode: 1}},
	} {
		got, err := referral.ReplayLines(t.Context(), store, strings.NewReader(file), referral.SourceReplay, referral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "report", want, got)
	}
	for range 2 {
		got, err := referral.ReplayRejected(t.Context(), store, store.Rejected(t.Context(), referral.RejectedFilter{}), referral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "of the log", referral.Report{Read: 1, Rejected: counts{referral.ReasonUnknownCode: 1}}, got)
	}
}

func TestRejectionOfAUserWhoWasAttributedByALiveCallIsUnchanged(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	for _, a := range []referral.Attempt{call("a1", "no-such-code"), call("a2", codeOf(bob))} {
		if _, err := store.Attribute(t.Context(), a, referral.Rules{}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := referral.ReplayRejected(t.Context(), store, store.Rejected(t.Context(), referral.RejectedFilter{}), referral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: 1, Unchanged: 1, Rejected: counts{}}, got)
}
