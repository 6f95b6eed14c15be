package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// stuckSpool is a spool with waiting attempts.
type stuckSpool struct {
	referral.Spool
	waiting bool
	segment io.Reader
	err     error
}

func (s *stuckSpool) Waiting() (bool, error) { return s.waiting, s.err }
func (s *stuckSpool) Drain(_ context.Context, replay func(io.Reader, referral.DeadLetter) error) error {
	if s.err != nil {
		return s.err
	}
	return replay(s.segment, nil)
}

func TestSpoolIsReadyOnlyWhileItDrains(t *testing.T) {
	t.Parallel()
	stuck := &stuckSpool{waiting: true}
	now := time.Now()
	w := newMonitoredSpool(stuck, func() time.Time { return now }, nil)
	notReady := func() string { return fmt.Sprint(w.notReady()) }
	if got := notReady(); got != "[]" {
		t.Errorf("before a drain: %s", got)
	}
	stuck.err = errors.New("no store")
	_ = w.Drain(context.Background(), nil)
	stuck.err = nil
	if got := notReady(); got != "[attempts wait in the spool and are not draining]" {
		t.Errorf("after a failed drain: %s", got)
	}
	stuck.waiting = false
	if got := notReady(); got != "[]" {
		t.Errorf("emptied by another process: %s", got)
	}
	stuck.waiting = true
	now = now.Add(stalledAfter)
	if got := notReady(); got != "[attempts wait in the spool and are not draining]" {
		t.Errorf("held by another process: %s", got)
	}
	stuck.segment = strings.NewReader("")
	_ = w.Drain(context.Background(), func(segment io.Reader, _ referral.DeadLetter) error {
		_, err := io.ReadAll(segment)
		return err
	})
	if got := notReady(); got != "[]" {
		t.Errorf("after a good drain: %s", got)
	}
	now = now.Add(stalledAfter)
	_ = w.Drain(context.Background(), func(io.Reader, referral.DeadLetter) error { return nil })
	if got := notReady(); got != "[]" {
		t.Errorf("after a drain that left carried attempts for a later one: %s", got)
	}
	stuck.err = errors.New("no disk")
	if got := notReady(); got != "[the spool cannot be read: no disk]" {
		t.Errorf("unreadable: %s", got)
	}
}

// hungSpool is on a disk that hangs until answer is closed.
type hungSpool struct {
	referral.Spool
	checks atomic.Int32
	answer chan struct{}
}

func (s *hungSpool) Waiting() (bool, error) {
	s.checks.Add(1)
	<-s.answer
	return false, nil
}

func TestHangingDiskBlocksOneReadinessCheck(t *testing.T) {
	t.Parallel()
	hung := &hungSpool{answer: make(chan struct{})}
	w := newMonitoredSpool(hung, time.Now, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := fmt.Sprint(w.notReady()); got != "[the spool cannot be read: no answer within 1s]" {
				t.Error(got)
			}
		})
	}
	all.Wait()
	if n := hung.checks.Load(); n != 1 {
		t.Errorf("%d checks hang", n)
	}
	close(hung.answer)
}

func TestReadinessChangesAreLoggedOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := app{Options: Options{Log: slog.New(slog.NewTextHandler(&out, nil))}}
	for _, problems := range [][]string{nil, {"a", "b"}, {"a"}, {"c"}, nil, nil, {"d"}} {
		if diff := cmp.Diff(problems, a.logReadiness(problems)); diff != "" {
			t.Error(diff)
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, message, _ := strings.Cut(strings.TrimSpace(line), " ")
		got = append(got, message)
	}
	const failed = `level=ERROR msg="server is not ready" error=`
	const hint = ` hint="check what the error names: the database's disk, its permissions, or the process that holds its lock"`
	want := []string{failed + `"a; b"` + hint, `level=INFO msg="server is ready again"`, failed + `d` + hint}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The spool of an earlier database is restored after the server has created a new one.
func TestNewDatabaseDoesNotDrainAnEarlierSpool(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "t.db")
	sp := spool.New(database)
	m := newMonitoredSpool(sp, time.Now, nil)
	m.created = true
	drained := 0
	drain := func() error {
		return m.Drain(t.Context(), func(io.Reader, referral.DeadLetter) error { drained++; return nil })
	}
	attempt := referral.Attempt{ID: "a1", User: "u", Code: referral.ParsePresentedCode("abc"), At: time.Unix(1, 0)}
	if err := sp.Append(t.Context(), attempt); err != nil { // as restored: not through m
		t.Fatal(err)
	}
	if err := m.Append(t.Context(), attempt); err != nil {
		t.Fatal(err)
	}
	if err := drain(); !errors.Is(err, errForeign) || drained > 0 {
		t.Errorf("drained %d, %v", drained, err)
	}
	if got := fmt.Sprint(m.notReady()); !strings.Contains(got, "put the earlier database back") {
		t.Error(got)
	}
	if err := os.Rename(database+".spool", database+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(drain(), m.Append(t.Context(), attempt), drain()); err != nil || drained != 1 {
		t.Errorf("attempts of the new database: drained %d, %v", drained, err)
	}
	if got := m.notReady(); len(got) > 0 {
		t.Error(got)
	}
}
