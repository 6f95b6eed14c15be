package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"github.com/triport/triport-console/internal/spool"
)

func TestAppendWritesOneLinePerAttempt(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1", "a2", "a3")
	diff(t, "the spool", lineOf("a1")+lineOf("a2")+lineOf("a3"), readFile(t, database+".spool"))
	wantWaiting(t, s, true)
}

func TestConcurrentAppendsKeepCompleteLines(t *testing.T) {
	t.Parallel()
	const callers, each = 64, 20
	s, database := newSpool(t)
	var wg sync.WaitGroup
	var want []string
	for caller := range callers {
		for n := range each {
			want = append(want, fmt.Sprintf("%d-%d", caller, n))
		}
		wg.Go(func() {
			for n := range each {
				if err := s.Append(t.Context(), attempt(fmt.Sprintf("%d-%d", caller, n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := ids(strings.NewReader(readFile(t, database+".spool")))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	diff(t, "attempts", want, got)
}

func TestWaitingAppendsShareOneWrite(t *testing.T) {
	t.Parallel()
	const callers = 64
	s, database := newSpool(t)
	release := holdLock(t, database+".spool.lock")
	answers := make(chan error, callers)
	for caller := range callers {
		go func() { answers <- s.Append(context.Background(), attempt(fmt.Sprint(caller))) }()
	}
	spool.AwaitQueue(s, callers)
	release()
	if err := <-answers; err != nil {
		t.Fatal(err)
	}
	holdLock(t, database+".spool.lock") // no second write can begin
	for range callers - 1 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestAppendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	release := holdLock(t, database+".spool.lock")
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error)
	for _, id := range []string{"lead", "follow"} {
		go func() { answers <- s.Append(ctx, attempt(id)) }()
	}
	spool.AwaitQueue(s, 2)
	cancel()
	for range 2 {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("Append = %v, want the context's error", err)
		}
	}
	release()
	mustAppend(t, s, "next")
	diff(t, "the spool", lineOf("next"), readFile(t, database+".spool"))
}

func TestQueueIsWrittenAfterItsWriterGivesUp(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	release := holdLock(t, database+".spool.lock")
	ctx, cancel := context.WithCancel(t.Context())
	writer, follower := make(chan error), make(chan error)
	go func() { writer <- s.Append(ctx, attempt("lead")) }()
	spool.AwaitQueue(s, 1)
	go func() { follower <- s.Append(context.Background(), attempt("follow")) }()
	spool.AwaitQueue(s, 2)
	cancel()
	if err := <-writer; !errors.Is(err, context.Canceled) {
		t.Errorf("the writer's Append = %v, want the context's error", err)
	}
	release()
	if err := <-follower; err != nil {
		t.Errorf("the follower's Append = %v", err)
	}
	diff(t, "the spool", lineOf("follow"), readFile(t, database+".spool"))
}

func TestAppendEndsATornLineFirst(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", lineOf("a1")+`{"attempt_id":"a2","us`)
	mustAppend(t, s, "a3")
	want := lineOf("a1") + `{"attempt_id":"a2","us` + "\n" + lineOf("a3")
	diff(t, "the spool", want, readFile(t, database+".spool"))
}

func TestPartialWriteIsTruncated(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	child := startChild(t, "append-limited", database)
	if out, err := child.finish(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	diff(t, "the spool", lineOf("a1"), readFile(t, database+".spool"))
	mustAppend(t, s, "a2")
	diff(t, "the spool", lineOf("a1")+lineOf("a2"), readFile(t, database+".spool"))
}

// appendLimited is the child process of TestPartialWriteIsTruncated: the disk is full within a
// long line.
func appendLimited(s *spool.Spool) error {
	limit := uint64(len(lineOf("a1"))*5/2) + 1
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		return err
	}
	long := attempt("b1")
	long.RequestID = strings.Repeat("x", int(limit))
	if err := s.Append(context.Background(), long); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("Append = %w, want %w", err, syscall.EFBIG)
	}
	return nil
}

func TestFailedWriteIsAnErrorForEveryWaitingAppend(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	release := holdLock(t, database+".spool.lock")
	if err := os.Mkdir(database+".spool", 0o700); err != nil {
		t.Fatal(err)
	}
	answers := make(chan error)
	for _, id := range []string{"a1", "a2", "a3"} {
		go func() { answers <- s.Append(context.Background(), attempt(id)) }()
	}
	spool.AwaitQueue(s, 3)
	release()
	for range 3 {
		if err := <-answers; err == nil {
			t.Error("Append = nil, and nothing was written")
		}
	}
}

// holdLock takes a lock as another process would, and returns its release.
func holdLock(t *testing.T, name string) (release func()) {
	t.Helper()
	l := flock.New(name)
	if err := l.Lock(); err != nil {
		t.Fatal(err)
	}
	release = func() { _ = l.Unlock() }
	t.Cleanup(release)
	return release
}

func TestAppendAfterAFailureBeginsWithANewline(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	mustAppend(t, s, "a1")
	away := database + ".away"
	if err := errors.Join(os.Rename(database+".spool", away), os.Mkdir(database+".spool", 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), attempt("a2")); err == nil {
		t.Error("Append to a directory succeeded")
	}
	if err := errors.Join(os.Remove(database+".spool"), os.Rename(away, database+".spool")); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, "a3")
	mustAppend(t, s, "a4")
	diff(t, "the spool", lineOf("a1")+"\n"+lineOf("a3")+lineOf("a4"), readFile(t, database+".spool"))
}

func TestAbandonedAppendsFillNoMoreThanTheQueue(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	release := holdLock(t, database+".spool.lock")
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error)
	for range spool.MaxQueue + 10 {
		go func() { answers <- s.Append(ctx, attempt("abandoned")) }()
	}
	spool.AwaitQueue(s, spool.MaxQueue)
	cancel()
	for range spool.MaxQueue + 10 {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Errorf("Append = %v, want the context's error", err)
		}
	}
	release()
	mustAppend(t, s, "next")
	diff(t, "the spool", lineOf("next"), readFile(t, database+".spool"))
}
