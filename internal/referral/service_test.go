package referral_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// service is a Service with what it writes.
type service struct {
	*referral.Service
	log, last bytes.Buffer
}

func newService(store referral.Store, sp referral.Spool, deadline time.Duration) *service {
	s := &service{}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	s.Service = referral.NewService(store, sp, referral.Rules{}, deadline, log, &s.last)
	return s
}

func internalError() referral.Outcome {
	return referral.Outcome{Reason: referral.ReasonInternalError}
}

func TestAnAttemptWithoutACodeAsksNobody(t *testing.T) {
	t.Parallel()
	s := newService(nil, nil, time.Minute)
	diff(t, "outcome", referral.Outcome{Reason: referral.ReasonNoCookie}, s.Submit(t.Context(), call("a1", "")))
	diff(t, "log", "", s.log.String())
}

func TestAnAttemptIsAnsweredAsTheStoreDecides(t *testing.T) {
	t.Parallel()
	store, database := openStore(t)
	sp := spool.New(database)
	s := newService(store, sp, time.Minute)
	diff(t, "outcome", referral.Outcome{Attributed: true, ReferrerID: bob}, s.Submit(t.Context(), call("a1", codeOf(bob))))
	diff(t, "second outcome", referral.Outcome{Reason: referral.ReasonAlreadyAttributed}, s.Submit(t.Context(), call("a2", codeOf(eve))))
	diff(t, "attempts in the spool", 0, pending(t, sp))
	diff(t, "log", "", s.log.String())
}

func TestWhatASickStoreDoesNotTakeWaitsInTheSpool(t *testing.T) {
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
	line, err := io.ReadAll(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	got, err := referral.ParseLine(line, referral.SourceLive)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "attempt in the spool", call("a1", codeOf(bob)), got)
	diff(t, "last resort", "", s.last.String())
	for _, part := range []string{"level=WARN", "attempt_id=a1", "request_id=req_a1"} {
		if !strings.Contains(s.log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, &s.log)
		}
	}
}

func TestACallerWhoLeftIsSpooledAllTheSame(t *testing.T) {
	t.Parallel()
	store, database := openStore(t)
	sp := spool.New(database)
	s := newService(store, sp, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	diff(t, "outcome", internalError(), s.Submit(ctx, call("a1", codeOf(bob))))
	diff(t, "attempts in the spool", 1, pending(t, sp))
}

func TestWhatWasCommittedAfterTheDeadlineIsRecognised(t *testing.T) {
	t.Parallel()
	store, database := openStore(t)
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

func TestTheLastResortCanBeReplayed(t *testing.T) {
	t.Parallel()
	sick, _ := closedStore(t)
	s := newService(sick, spool.New(filepath.Join(t.TempDir(), "missing", "triport.db")), time.Minute)
	want := []referral.Attempt{call("a1", codeOf(bob)), call("a2", referral.ParsePresentedCode("caf\u00e9 <&>"))}
	for _, a := range want {
		diff(t, "outcome", internalError(), s.Submit(t.Context(), a))
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != len(want) {
		t.Errorf("%d errors are logged, want %d: %s", n, len(want), &s.log)
	}
	var got []referral.Attempt
	for line, err := range referral.ReadLines(bytes.NewReader(s.last.Bytes()), referral.SourceLive) {
		if err := errors.Join(err, line.Err); err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Attempt)
	}
	diff(t, "attempts", want, got)

	well, _ := openStore(t)
	report, err := referral.ReplayLines(t.Context(), well, &s.last, referral.SourceReplay, referral.Options{})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "report", referral.Report{Read: 2, Attributed: 1, Unchanged: 1, Rejected: map[referral.Reason]int64{}}, report)
}

func TestALostAttemptIsSaidToBeLost(t *testing.T) {
	t.Parallel()
	store, _ := closedStore(t)
	var log bytes.Buffer
	broken := failingWriter{errors.New("the log is broken")}
	s := referral.NewService(store, spool.New(filepath.Join(t.TempDir(), "missing", "triport.db")), referral.Rules{},
		time.Minute, slog.New(slog.NewTextHandler(&log, nil)), broken)
	diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
	if !strings.Contains(log.String(), "attempt_id=a1") || !strings.Contains(log.String(), "the log is broken") {
		t.Errorf("the log does not tell: %s", &log)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestUnstoredRefusalsAreLoggedOnceAUserAndDay(t *testing.T) {
	t.Parallel()
	store, database := openStore(t)
	s := newService(store, spool.New(database), time.Minute)
	refuse := func(user string, at time.Time, times int) {
		for range times {
			a := referral.Attempt{ID: at.String() + user, User: user, Code: "no-such-code", At: at, Source: referral.SourceLive}
			o := s.Submit(t.Context(), a)
			if o.Reason != referral.ReasonUnknownCode {
				t.Fatalf("decided %+v", o)
			}
			at = at.Add(time.Microsecond)
		}
	}
	logged := func(want int) {
		t.Helper()
		if n := strings.Count(s.log.String(), "no longer stored today"); n != want {
			t.Errorf("it is logged %d times, want %d: %s", n, want, &s.log)
		}
	}
	refuse(ann, noon, referral.MaxStoredRejections)
	logged(0)
	refuse(ann, noon.Add(time.Hour), 3)
	logged(1)
	refuse(bob, noon.Add(2*time.Hour), referral.MaxStoredRejections+3)
	logged(2)
	refuse(ann, noon.Add(24*time.Hour), referral.MaxStoredRejections+3)
	logged(3)
}

func TestABrokenSpoolLineIsReportedOnce(t *testing.T) {
	t.Parallel()
	sick, database := closedStore(t)
	sp := spool.New(database)
	writeFile(t, database+".spool", "rubbish\n"+string(referral.FormatLine(call("a1", codeOf(bob))))+"\n")

	s := newService(sick, sp, time.Minute)
	for range 3 {
		if _, err := s.Drain(t.Context()); err == nil {
			t.Fatal("a closed store drained the spool")
		}
	}
	if n := strings.Count(s.log.String(), "broken line"); n != 1 {
		t.Errorf("it is reported %d times: %s", n, &s.log)
	}
	diff(t, "broken lines", "rubbish\n", readFile(t, sp.DeadLetterFile()))
	diff(t, "attempts in the spool", 1, pending(t, sp))
}

func TestTheSpoolIsDrainedWhenTheStoreIsWellAgain(t *testing.T) {
	t.Parallel()
	well, database := openStore(t)
	sick, _ := closedStore(t)
	sp := spool.New(database)
	var store changeable
	store.store.Store(sick)
	s := newService(&store, sp, time.Minute)
	s.Submit(t.Context(), call("a1", codeOf(bob)))
	s.log.Reset()

	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() { s.DrainWhenWaiting(ctx, ticks); close(done) }()
	for range 3 {
		ticks <- noon
	}
	// A tick is taken when the work of the one before is done.
	store.store.Store(well)
	ticks <- noon
	ticks <- noon
	cancel()
	<-done

	diff(t, "attempts in the spool", 0, pending(t, sp))
	inspection, err := well.Inspect(t.Context(), ann, 1)
	if err != nil {
		t.Fatal(err)
	}
	if inspection.ReferredBy == nil || inspection.ReferredBy.UserID != bob {
		t.Errorf("ann is referred by %+v, want bob", inspection.ReferredBy)
	}
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("the failures are logged %d times, want once: %s", n, &s.log)
	}
	if !strings.Contains(s.log.String(), ` do="mend what cause says`) {
		t.Errorf("the log does not say what to do: %s", &s.log)
	}
	if n := strings.Count(s.log.String(), "attributed=1"); n != 1 {
		t.Errorf("the success is logged %d times: %s", n, &s.log)
	}
}

// TestAnotherCauseThatKeepsTheSpoolFullIsLoggedToo has a store that is closed, and for a while a segment
// with a second name, which the spool refuses.
func TestAnotherCauseThatKeepsTheSpoolFullIsLoggedToo(t *testing.T) {
	t.Parallel()
	sick, database := closedStore(t)
	s := newService(sick, spool.New(database), time.Minute)
	s.Submit(t.Context(), call("a1", codeOf(bob)))
	s.log.Reset()

	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan struct{})
	go func() { s.DrainWhenWaiting(ctx, ticks); close(done) }()
	several := func() {
		for range 2 { // when the second is taken, the work of the first is done
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
		_, cause, _ := strings.Cut(line, "level=ERROR msg=\"the spool cannot be drained yet: it is tried again every second\" cause=")
		cause, do, _ := strings.Cut(strings.TrimSpace(cause), " do=")
		if got = append(got, cause); do == "" {
			t.Errorf("it does not say what to do: %s", line)
		}
	}
	const closed = `"drain triport.db.spool.1: replay 1 attempts: the store is closed"`
	const linked = `"drain the spool: triport.db.spool.1 is a link or no plain file: remove it"`
	diff(t, "causes", []string{closed, linked, closed}, got)
}

func TestDrainingEndsWithItsTicks(t *testing.T) {
	t.Parallel()
	store, database := openStore(t)
	s := newService(store, spool.New(database), time.Minute)
	ticks := make(chan time.Time)
	close(ticks)
	s.DrainWhenWaiting(t.Context(), ticks)
	diff(t, "log", "", s.log.String())
}

// hanging is a spool on a disk that does not answer.
type hanging struct{ referral.Spool }

func (hanging) Append(ctx context.Context, _ ...referral.Attempt) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADiskThatHangsDoesNotHoldTheCaller(t *testing.T) {
	t.Parallel()
	store, _ := closedStore(t)
	synctest.Test(t, func(t *testing.T) {
		s := newService(store, hanging{}, time.Minute)
		start := time.Now()
		diff(t, "outcome", internalError(), s.Submit(t.Context(), call("a1", codeOf(bob))))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("the caller waited %s", took)
		}
		if !strings.Contains(s.last.String(), `"attempt_id":"a1"`) {
			t.Errorf("the attempt is lost: %s", &s.last)
		}
	})
}

func TestAnErrorNamesFilesAndNoFolders(t *testing.T) {
	t.Parallel()
	_, open := os.Open("/data/secret/triport.db.spool.1")
	link := os.Link("/data/secret/a", "/data/secret/b")
	err := fmt.Errorf("drain the spool: %w", errors.Join(open, link, errors.New("and more")))
	got := referral.WithoutPath(err)
	if want := "drain the spool: open triport.db.spool.1: no such file or directory\nlink a b: no such file or directory\nand more"; got.Error() != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(got, fs.ErrNotExist) {
		t.Error("it is not the error any more")
	}
	if got := referral.WithoutPath(errors.New("no file")); got.Error() != "no file" {
		t.Errorf("an error without a path became %q", got)
	}
}
