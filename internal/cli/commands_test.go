package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// runIn runs a command line on a database of the test and returns its exit code.
func runIn(s *testStreams, database string, args ...string) int {
	s.out.Reset()
	s.err.Reset()
	return Run(context.Background(), s.Streams, append(args, "--database", database))
}

func TestTheSameClockAndChanceGiveTheSameSession(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	if code := runIn(s, db, "user", "create", "--email", "ann@example.com"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	if code := runIn(s, db, "session", "create", "ann@example.com", "--ttl", "1h", "-o", "json"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	var got sessionJSON
	if err := json.Unmarshal(s.out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 1, 31, 13, 0, 0, 123456000, time.UTC); !got.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v, not %v", got.ExpiresAt, want)
	}
	drawn := newTestStreams().Random
	if _, err := newUserID(drawn); err != nil {
		t.Fatal(err)
	}
	want, _, err := auth.NewSession(drawn, got.UserID, testNow, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got.Session != want.Session || got.CSRF != want.CSRF || got.Session == got.CSRF {
		t.Errorf("the tokens %q and %q are not drawn from the stream", got.Session, got.CSRF)
	}
}

func TestABackupAndAnInspectionLeaveNoSecretOnStderr(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := filepath.Join(dir, "t.db")
	s := newTestStreams()
	for _, args := range [][]string{
		{"user", "create", "--email", "ann@example.com"},
		{"session", "create", "ann@example.com"},
		{"db", "backup", filepath.Join(dir, "copy.db")},
		{"referral", "inspect", "ann@example.com"},
	} {
		if code := runIn(s, db, args...); code != 0 || s.err.Len() > 0 {
			t.Errorf("%v: exit code %d, stderr %q", args, code, s.err.String())
		}
	}
}

func TestInterruptedCommandsTellWhatIsDone(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	if code := runIn(s, db, "db", "migrate"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	for _, args := range [][]string{{"user", "import", "-"}, {"referral", "replay", "--from", "-"}} {
		ctx, cancel := context.WithCancel(context.Background())
		r, w := io.Pipe() // it never says a word, and the interrupt comes once it is waited for
		s.In = readerFunc(func(p []byte) (int, error) {
			cancel()
			return r.Read(p)
		})
		s.out.Reset()
		s.err.Reset()
		code := Run(ctx, s.Streams, append(args, "--database", db, "-o", "json"))
		if code != exitFailed || !strings.Contains(s.out.String(), `"read":0`) || !strings.Contains(s.err.String(), "interrupted") {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, s.out.String(), s.err.String())
		}
		_ = w.Close()
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAProgressBarIsForTerminalsOnly(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{false, true} {
		for _, size := range []int64{0, 1000} {
			s := newTestStreams()
			s.ErrIsTerminal = terminal
			p := newApp(s.Streams, nil).newProgress("replay", size)
			if _, err := io.Copy(io.Discard, p.reader(strings.NewReader(strings.Repeat("x", 100)))); err != nil {
				t.Fatal(err)
			}
			p.lines(1)
			p.clear()
			p.done()
			if shown := s.err.Len() > 0; shown != terminal {
				t.Errorf("terminal %v, size %d: %q", terminal, size, s.err.String())
			}
		}
	}
}

func TestABatchFollowsWhatTheLastOneTook(t *testing.T) {
	t.Parallel()
	im := &importer{size: firstImportBatch}
	for _, step := range []struct {
		took time.Duration
		want int
	}{
		{time.Millisecond, 200}, {time.Millisecond, 400}, {time.Millisecond, 500}, {time.Millisecond, 500},
		{70 * time.Millisecond, 500}, {101 * time.Millisecond, 250}, {time.Second, 125}, {time.Second, 62},
		{time.Second, 31}, {time.Second, 15}, {time.Second, 10}, {time.Second, 10}, {time.Millisecond, 20},
	} {
		if im.adapt(step.took); im.size != step.want {
			t.Errorf("after %v: %d, not %d", step.took, im.size, step.want)
		}
	}
}

func TestEveryRefusalIsSaidInItsOwnWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	say := func(r referral.Reason, detail string) {
		words := inWords(r, detail)
		if seen[words] || strings.Contains(words, "_") || words == "" {
			t.Errorf("%s %s: %q", r, detail, words)
		}
		seen[words] = true
	}
	for _, r := range referral.Reasons {
		say(r, "")
	}
	say(referral.ReasonUnknownCode, referral.DetailCodeDisabled)
	say(referral.ReasonUnknownCode, referral.DetailOwnerDisabled)
}

func TestLogsAreInTheFormatAndAboveTheLevelAskedFor(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"text": "WARN two key=value", "json": `"msg":"two"`, "logfmt": "msg=two key=value",
	} {
		s := newTestStreams()
		log := newApp(s.Streams, nil).newLogger("warn", format)
		log.Info("one")
		log.Warn("two", "key", "value")
		if got := s.err.String(); strings.Contains(got, "one") || !strings.Contains(got, want) || !strings.Contains(got, "Z") {
			t.Errorf("%s: %q", format, got)
		}
	}
}

// stuckSpool is a spool in which something waits.
type stuckSpool struct {
	referral.Spool
	waiting bool
	segment io.Reader
	err     error
}

func (s *stuckSpool) Waiting() (bool, error) { return s.waiting, s.err }
func (s *stuckSpool) Drain(_ context.Context, replay func(io.Reader, referral.SetAside) error) error {
	if s.err != nil {
		return s.err
	}
	return replay(s.segment, nil)
}

func TestASpoolThatDrainsIsReadyAndOneThatDoesNotIsNot(t *testing.T) {
	t.Parallel()
	stuck := &stuckSpool{waiting: true}
	now := time.Now()
	w := watchSpool(stuck, func() time.Time { return now })
	say := func() string { return fmt.Sprint(w.notReady()) }
	if got := say(); got != "[]" {
		t.Errorf("before a drain: %s", got)
	}
	stuck.err = errors.New("no store")
	_ = w.Drain(context.Background(), nil)
	stuck.err = nil
	if got := say(); got != "[attempts wait in the spool and are not draining]" {
		t.Errorf("after a failed drain: %s", got)
	}
	stuck.waiting = false
	if got := say(); got != "[]" {
		t.Errorf("emptied by somebody else: %s", got)
	}
	stuck.waiting = true
	now = now.Add(undrainedAfter)
	if got := say(); got != "[attempts wait in the spool and are not draining]" {
		t.Errorf("held by somebody else: %s", got)
	}
	stuck.segment = strings.NewReader("")
	_ = w.Drain(context.Background(), func(segment io.Reader, _ referral.SetAside) error {
		_, err := io.ReadAll(segment)
		return err
	})
	if got := say(); got != "[]" {
		t.Errorf("after a good drain: %s", got)
	}
	stuck.err = errors.New("no disk")
	if got := say(); got != "[the spool cannot be read]" {
		t.Errorf("unreadable: %s", got)
	}
}

func TestACurlLineCallsWhatCanBeCalled(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80",
		"[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "Example.com:80": "example.com:80",
	} {
		if got := dialable(listen); got != want {
			t.Errorf("%s: %s", listen, got)
		}
	}
}
