package referral_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// service is a Service with its output.
type service struct {
	*referral.Service
	log, out bytes.Buffer
}

func newService(store referral.Store, sp referral.Spool, deadline time.Duration) *service {
	s := &service{}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	s.Service = referral.NewService(store, sp, referral.Rules{}, deadline, log, &s.out)
	return s
}

func internalError() referral.Outcome {
	return referral.Outcome{Reason: referral.ReasonInternalError}
}

// readAttempts returns the attempts of a file. Each line must contain one.
func readAttempts(t *testing.T, r io.Reader) (attempts []referral.Attempt) {
	t.Helper()
	for line, err := range referral.ReadLines(r, referral.SourceLive) {
		if err := errors.Join(err, line.Err); err != nil {
			t.Fatal(err)
		}
		attempts = append(attempts, line.Value)
	}
	return attempts
}

func TestAttemptWithoutACodeNeedsNoStore(t *testing.T) {
	t.Parallel()
	s := newService(nil, nil, time.Minute)
	diff(t, "outcome", referral.Outcome{Reason: referral.ReasonNoCookie}, s.Submit(t.Context(), call("a1", "")))
	diff(t, "log", "", s.log.String())
}

func TestSubmitReturnsTheOutcomeOfTheStore(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	sp := spool.New(database)
	s := newService(store, sp, time.Minute)
	diff(t, "outcome", referral.Outcome{Attributed: true, ReferrerID: bob}, s.Submit(t.Context(), call("a1", codeOf(bob))))
	diff(t, "second outcome", referral.Outcome{Reason: referral.ReasonAlreadyAttributed}, s.Submit(t.Context(), call("a2", codeOf(eve))))
	diff(t, "attempts in the spool", 0, pending(t, sp))
	diff(t, "log", "", s.log.String())
}

func TestFailedStoreSpoolsTheAttempt(t *testing.T) {
	t.Parallel()
	store, database := closedStore(t)
	sp := spool.New(database)
	s := newService(store, sp, time.Minute)
	diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))

	snapshot, err := sp.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	diff(t, "attempts in the spool", []referral.Attempt{call("a1", codeOf(bob))}, readAttempts(t, snapshot))
	diff(t, "attempts in the log", "", s.out.String())
	for _, part := range []string{`level=WARN msg="attempt spooled"`, "attempt_id=a1", "request_id=req_a1", "error="} {
		if !strings.Contains(s.log.String(), part) {
			t.Errorf("the log does not contain %s: %s", part, &s.log)
		}
	}
}

func TestAttemptOfACallerWhoLeftIsSpooled(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	sp := spool.New(database)
	s := newService(store, sp, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	diff(t, "outcome", internalError(), s.Submit(ctx, call("a1", codeOf(bob))))
	diff(t, "attempts in the spool", 1, pending(t, sp))
}

func TestAttemptCommittedAfterTheDeadlineIsUnchanged(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	sp := spool.New(database)
	s := newService(late{store}, sp, time.Millisecond)
	diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
	diff(t, "attempts in the spool", 1, pending(t, sp))

	report, err := s.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: 1, Unchanged: 1, Rejected: map[referral.Reason]int64{}}, report)
	inspection, err := store.Inspect(t.Context(), ann, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(inspection.Events) != 1 || inspection.Events[0].AttemptID != "a1" {
		t.Errorf("the events are %+v, want the one of a1", inspection.Events)
	}
}

func TestLoggedAttemptsCanBeReplayed(t *testing.T) {
	t.Parallel()
	failed, _ := closedStore(t)
	s := newService(failed, spool.New(filepath.Join(t.TempDir(), "missing", "triport.db")), time.Minute)
	want := []referral.Attempt{call("a1", codeOf(bob)), call("a2", "caf\u00e9 <&>")}
	for _, a := range want {
		diff(t, "outcome", internalError(), s.Submit(t.Context(), a))
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != len(want) {
		t.Errorf("%d errors are logged, want %d: %s", n, len(want), &s.log)
	}
	diff(t, "attempts", want, readAttempts(t, bytes.NewReader(s.out.Bytes())))

	working, _ := newStore(t)
	report, err := referral.ReplayLines(t.Context(), working, &s.out, referral.SourceReplay, referral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: 2, Attributed: 1, Unchanged: 1, Rejected: map[referral.Reason]int64{}}, report)
}

func TestLostAttemptIsLogged(t *testing.T) {
	t.Parallel()
	store, _ := closedStore(t)
	var log bytes.Buffer
	failing := failingWriter{errors.New("the log failed")}
	s := referral.NewService(store, spool.New(filepath.Join(t.TempDir(), "missing", "triport.db")), referral.Rules{},
		time.Minute, slog.New(slog.NewTextHandler(&log, nil)), failing)
	diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
	for _, part := range []string{`msg="attempt could not be stored anywhere and is lost" attempt_id=a1 user=` + ann, `error="the log failed"`, "hint="} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not contain %s: %s", part, &log)
		}
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestUnstoredRejectionsAreLoggedOncePerUserAndDay(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	s := newService(store, spool.New(database), time.Minute)
	reject := func(user string, at time.Time, times int) {
		for range times {
			a := referral.Attempt{ID: at.String() + user, User: user, Code: referral.ParsePresentedCode("no-such-code"), At: at, Source: referral.SourceLive}
			o := s.Submit(t.Context(), a)
			if o.Reason != referral.ReasonUnknownCode {
				t.Fatalf("decided %+v", o)
			}
			at = at.Add(time.Microsecond)
		}
	}
	logged := func(want int) {
		t.Helper()
		if n := strings.Count(s.log.String(), "daily limit of stored rejections reached for a user"); n != want {
			t.Errorf("it is logged %d times, want %d: %s", n, want, &s.log)
		}
	}
	reject(ann, noon, referral.MaxStoredRejections)
	logged(0)
	reject(ann, noon.Add(time.Hour), 3)
	logged(1)
	reject(bob, noon.Add(2*time.Hour), referral.MaxStoredRejections+3)
	logged(2)
	reject(ann, noon.Add(24*time.Hour), referral.MaxStoredRejections+3)
	logged(3)
}

func TestDeadLetterIsLoggedOnce(t *testing.T) {
	t.Parallel()
	failed, database := closedStore(t)
	sp := spool.New(database)
	writeFile(t, database+".spool", "garbage\n"+string(referral.FormatLine(call("a1", codeOf(bob))))+"\n")

	s := newService(failed, sp, time.Minute)
	for range 3 {
		if _, err := s.Drain(t.Context()); err == nil {
			t.Fatal("Drain succeeded on a closed store")
		}
	}
	if n := strings.Count(s.log.String(), "spool line moved to the dead-letter file"); n != 1 {
		t.Errorf("it is reported %d times: %s", n, &s.log)
	}
	diff(t, "dead letters", "garbage\n", readFile(t, sp.DeadLetterFile()))
	diff(t, "attempts in the spool", 1, pending(t, sp))
}

func TestSpoolIsDrainedAfterTheStoreRecovers(t *testing.T) {
	t.Parallel()
	working, database := newStore(t)
	failed, _ := closedStore(t)
	sp := spool.New(database)
	var store changeable
	store.store.Store(failed)
	s := newService(&store, sp, time.Minute)
	s.Submit(t.Context(), call("a1", codeOf(bob)))
	s.log.Reset()

	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() { s.DrainWhenWaiting(ctx, ticks); close(done) }()
	for range 3 {
		ticks <- noon
	}
	// A tick is received after the work of the previous tick.
	store.store.Store(working)
	ticks <- noon
	ticks <- noon
	cancel()
	<-done

	diff(t, "attempts in the spool", 0, pending(t, sp))
	inspection, err := working.Inspect(t.Context(), ann, 1)
	if err != nil {
		t.Fatal(err)
	}
	if inspection.ReferredBy == nil || inspection.ReferredBy.UserID != bob {
		t.Errorf("ann is referred by %+v, want bob", inspection.ReferredBy)
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("the failures are logged %d times, want once: %s", n, &s.log)
	}
	if !strings.Contains(s.log.String(), ` hint="fix what the error names: the database, or the spool files next to it"`) {
		t.Errorf("the log has no hint: %s", &s.log)
	}
	if n := strings.Count(s.log.String(), "attributed=1"); n != 1 {
		t.Errorf("the success is logged %d times: %s", n, &s.log)
	}
}

// The store is closed. For a while, the segment also has a second name, which the spool rejects.
func TestEachNewDrainErrorIsLogged(t *testing.T) {
	t.Parallel()
	failed, database := closedStore(t)
	s := newService(failed, spool.New(database), time.Minute)
	s.Submit(t.Context(), call("a1", codeOf(bob)))
	s.log.Reset()

	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() { s.DrainWhenWaiting(ctx, ticks); close(done) }()
	several := func() {
		for range 2 { // the second is received after the work of the first
			ticks <- noon
		}
	}
	second := filepath.Join(t.TempDir(), "second")
	several()
	if err := os.Link(database+".spool.1", second); err != nil {
		t.Fatal(err)
	}
	several()
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	several()
	cancel()
	<-done

	var got []string
	for line := range strings.Lines(s.log.String()) {
		_, cause, _ := strings.Cut(line, "level=ERROR msg=\"spool could not be drained, retrying every second\" error=")
		cause, hint, _ := strings.Cut(strings.TrimSpace(cause), " hint=")
		if got = append(got, cause); hint == "" {
			t.Errorf("the line has no hint: %s", line)
		}
	}
	const closed = `"drain triport.db.spool.1: replay 1 attempts: the database is closed"`
	const linked = `"drain the spool: triport.db.spool.1 is a link or no plain file: remove it"`
	diff(t, "errors", []string{closed, linked, closed}, got)
}

func TestDrainingEndsWithItsTicks(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	s := newService(store, spool.New(database), time.Minute)
	ticks := make(chan time.Time)
	close(ticks)
	s.DrainWhenWaiting(t.Context(), ticks)
	diff(t, "log", "", s.log.String())
}

// hanging is a spool on a disk that hangs.
type hanging struct{ referral.Spool }

func (hanging) Append(ctx context.Context, _ referral.Attempt) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestSubmitDoesNotWaitForASpoolThatHangs(t *testing.T) {
	t.Parallel()
	store, _ := closedStore(t)
	synctest.Test(t, func(t *testing.T) {
		s := newService(store, hanging{}, time.Minute)
		start := time.Now()
		diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the caller waited %s", took)
		}
		if !strings.Contains(s.out.String(), `"attempt_id":"a1"`) {
			t.Errorf("the attempt is lost: %s", &s.out)
		}
	})
}

// panicking is a store that panics.
type panicking struct{ referral.Store }

func (panicking) Attribute(context.Context, referral.Attempt, referral.Rules) (referral.Outcome, error) {
	panic("secret")
}

func TestPanicOfTheStoreSpoolsTheAttempt(t *testing.T) {
	t.Parallel()
	_, database := newStore(t)
	sp := spool.New(database)
	s := newService(panicking{}, sp, time.Minute)
	diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
	diff(t, "attempts in the spool", 1, pending(t, sp))
	if log := s.log.String(); !strings.Contains(log, `error="panic with a string"`) || strings.Contains(log, "secret") {
		t.Errorf("the log is %s", log)
	}
}

func TestDrainCountsDeadLettersBeyondTwenty(t *testing.T) {
	t.Parallel()
	store, database := newStore(t)
	var lines strings.Builder
	for n := range 50 {
		fmt.Fprintf(&lines, "garbage %d\n", n)
	}
	writeFile(t, database+".spool", lines.String())
	s := newService(store, spool.New(database), time.Minute)
	if _, err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	diff(t, "lines", 20, strings.Count(s.log.String(), `"spool line moved`))
	diff(t, "rest", 1, strings.Count(s.log.String(), `msg="more spool lines moved to the dead-letter file" lines=30 `))
}
