package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
)

// runIn runs a command line on a database and returns the exit code.
func runIn(s *testStreams, database string, args ...string) int {
	s.out.Reset()
	s.err.Reset()
	return Run(context.Background(), s.Streams, append(args, "--database", database))
}

func TestSessionIsDerivedFromInjectedClockAndRandomness(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	if code := runIn(s, db, "user", "create", "--email", "ann@example.com"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	if code := runIn(s, db, "session", "create", "ann@example.com", "--ttl", "1h", "-o", "json"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	var got struct {
		UserID    string    `json:"user_id"`
		Session   string    `json:"nl_session"`
		CSRF      string    `json:"nl_csrf"`
		ExpiresAt time.Time `json:"expires_at"`
	}
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

func TestSuccessfulCommandsPrintNothingOnStderr(t *testing.T) {
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

func TestInterruptedCommandsReportWhatIsDone(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	if code := runIn(s, db, "db", "migrate"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	const done = "interrupted: what is counted is done, run the command again for the rest\n"
	for line, want := range map[string]string{
		"user import -": done, "referral replay --from -": done,
		"referral replay --from - --dry-run": "interrupted: the dry run changed nothing, the report covers what was read\n",
	} {
		ctx, cancel := context.WithCancel(context.Background())
		r, w := io.Pipe() // it stays silent; the interrupt comes during the read
		s.In = readerFunc(func(p []byte) (int, error) {
			cancel()
			return r.Read(p)
		})
		s.out.Reset()
		s.err.Reset()
		code := Run(ctx, s.Streams, append(strings.Fields(line), "--database", db, "-o", "json"))
		if code != exitFailed || !strings.Contains(s.out.String(), `"read":0`) || s.err.String() != programName+": "+want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", line, code, s.out.String(), s.err.String())
		}
		_ = w.Close()
	}
}

func TestInterruptedCommandsPrintOnlyInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := filepath.Join(dir, "t.db")
	s := newTestStreams()
	if code := runIn(s, db, "user", "create", "--email", "ann@example.com"); code != 0 {
		t.Fatal(code, s.err.String())
	}
	for _, line := range []string{
		"db backup " + filepath.Join(dir, "copy.db"), "user list", "db check", "referral verify", "user create --email bob@example.com",
		"user disable ann@example.com", "referral replay --dry-run", "session create -",
	} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.out.Reset()
		s.err.Reset()
		code := Run(ctx, s.Streams, append(strings.Fields(line), "--database", db))
		if code != exitFailed || s.out.Len() > 0 || s.err.String() != programName+": interrupted\n" {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", line, code, s.out.String(), s.err.String())
		}
	}
}

// TestImportAndReplayRejectInvalidUTF8: invalid bytes must not turn into another address.
func TestImportAndReplayRejectInvalidUTF8(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	s.In = strings.NewReader("{\"email\":\"a\xffb@x.org\"}\n" + `{"email":"a\ud800b@x.org"}` + "\n{\"email\":\"c@x.org\",\"display_name\":\"\xc3\"}\n")
	if code := runIn(s, db, "user", "import", "-", "-o", "json"); code != exitFailed ||
		s.out.String() != `{"read":3,"created":0,"updated":0,"unchanged":0,"malformed":3}`+"\n" ||
		!strings.HasPrefix(s.err.String(), "line 1: not UTF-8\nline 2: email: contains U+FFFD or half a surrogate pair instead of a character\nline 3: not UTF-8\n") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, s.out.String(), s.err.String())
	}
	s.In = strings.NewReader("{\"user\":\"a\xffb@x.org\",\"code\":\"abc\",\"at\":\"2026-01-31T12:00:00Z\"}\n")
	if code := runIn(s, db, "referral", "replay", "--from", "-"); code != exitFailed || !strings.HasPrefix(s.err.String(), "line 1: malformed line: not UTF-8\n") {
		t.Errorf("exit code %d, stderr %q", code, s.err.String())
	}
}

// TestImportReportsBadLinesInFileOrder mixes malformed lines with lines that only the store can reject, across
// batches. The first 20 are reported, the rest is counted.
func TestImportReportsBadLinesInFileOrder(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	s := newTestStreams()
	var lines, want strings.Builder
	bad := 0
	for n := 1; n <= 5*firstImportBatch; n++ {
		switch {
		case n == 1 || n%7 == 0:
			lines.WriteString("rubbish\n")
		case n%11 == 0:
			lines.WriteString(`{"id":"00000000-0000-4000-8000-000000000001","email":"user2@example.com"}` + "\n")
		default:
			fmt.Fprintf(&lines, `{"email":"user%d@example.com"}`+"\n", n)
			continue
		}
		if bad++; bad <= 20 {
			fmt.Fprintf(&want, "line %d: \n", n)
		}
	}
	fmt.Fprintf(&want, "%d more malformed lines\n", bad-20)
	s.In = strings.NewReader(lines.String())
	if code := runIn(s, db, "user", "import", "-", "-o", "json"); code != exitFailed {
		t.Fatal(code, s.err.String())
	}
	var got strings.Builder
	for line := range strings.Lines(s.err.String()) {
		if where, _, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(where, "line ") {
			got.WriteString(where + ": \n")
		} else if strings.Contains(line, " more ") {
			got.WriteString(line)
		}
	}
	if diff := cmp.Diff(want.String(), got.String()); diff != "" {
		t.Error(diff)
	}
	if figures := fmt.Sprintf(`{"read":%d,"created":%d,"updated":0,"unchanged":0,"malformed":%d}`+"\n", 5*firstImportBatch, 5*firstImportBatch-bad, bad); s.out.String() != figures {
		t.Errorf("%s, not %s", s.out.String(), figures)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestProgressBarIsShownOnlyOnTerminals(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{false, true} {
		for _, size := range []int64{0, 1000} {
			s := newTestStreams()
			s.ErrIsTerminal = terminal
			p := newEnv(s.Streams, nil).newProgress("replay", size)
			if _, err := io.Copy(io.Discard, p.reader(strings.NewReader(strings.Repeat("x", 100)))); err != nil {
				t.Fatal(err)
			}
			p.lines(1)
			p.done()
			if shown := s.err.Len() > 0; shown != terminal {
				t.Errorf("terminal %v, size %d: %q", terminal, size, s.err.String())
			}
		}
	}
}

func TestImportBatchSizeFollowsThePreviousDuration(t *testing.T) {
	t.Parallel()
	size := firstImportBatch
	for _, step := range []struct {
		took time.Duration
		want int
	}{
		{time.Millisecond, 200}, {time.Millisecond, 400}, {time.Millisecond, 500}, {time.Millisecond, 500},
		{70 * time.Millisecond, 500}, {101 * time.Millisecond, 250}, {time.Second, 125}, {time.Second, 62},
		{time.Second, 31}, {time.Second, 15}, {time.Second, 10}, {time.Second, 10}, {time.Millisecond, 20},
	} {
		if size = nextImportBatch(size, step.took); size != step.want {
			t.Errorf("after %v: %d, not %d", step.took, size, step.want)
		}
	}
}

func TestLogHasTheConfiguredFormatAndLevel(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"text": "WARN two key=value", "json": `"msg":"two"`, "logfmt": "msg=two key=value",
	} {
		s := newTestStreams()
		log := s.newLogger(&s.err, "warn", format)
		log.Info("one")
		log.Warn("two", "key", "value")
		if got := s.err.String(); strings.Contains(got, "one") || !strings.Contains(got, want) || !strings.Contains(got, "Z") {
			t.Errorf("%s: %q", format, got)
		}
	}
}

func TestCurlCommandDialsAReachableAddress(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80",
		"[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "Example.com:80": "example.com:80",
	} {
		if got := dialAddress(listen); got != want {
			t.Errorf("%s: %s", listen, got)
		}
	}
}
