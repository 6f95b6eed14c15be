package jsonl_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/jsonl"
)

var errBad = errors.New("bad")

// parseWord rejects long lines and lines that begin with "bad".
func parseWord(l jsonl.Line) (string, error) {
	if l.Rest != nil {
		return "", jsonl.ErrTooLong
	}
	if strings.HasPrefix(string(l.Text), "bad") {
		return "", errBad
	}
	return string(l.Text), nil
}

// newBatcher returns a batcher that logs what it does. Its store rejects "reject" and fails at "fail".
func newBatcher(size int) (*jsonl.Batcher[string], *[]string) {
	var log []string
	b := &jsonl.Batcher[string]{Size: size}
	b.Store = func(values []string) ([]error, error) {
		if slices.Contains(values, "fail") {
			return nil, errors.New("failed")
		}
		log = append(log, "store "+strings.Join(values, " "))
		bad := make([]error, len(values))
		for i, v := range values {
			if v == "reject" {
				bad[i] = errBad
			}
		}
		return bad, nil
	}
	b.OnBad = func(number int, text io.Reader, _ error) error {
		line, err := io.ReadAll(text)
		log = append(log, fmt.Sprintf("bad %d %d", number, len(line)))
		return err
	}
	return b, &log
}

func TestBatcherStoresBatchesAndReportsBadLinesInFileOrder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*jsonl.MaxLine)
	tests := map[string]struct {
		file            string
		want            []string
		read, malformed int64
	}{
		"empty file":                      {"", nil, 0, 0},
		"full batches and a rest":         {"a\nb\nc\nd\n", []string{"store a b c", "store d"}, 4, 0},
		"bad line before any value":       {"bad\na\n", []string{"bad 1 3", "store a"}, 2, 1},
		"bad lines among values":          {"reject\nbad-x\na\nreject", []string{"store reject a", "bad 1 6", "bad 2 5", "store reject", "bad 4 6"}, 4, 3},
		"a bad line counts for the batch": {"a\nbad\nb\nc", []string{"store a b", "bad 2 3", "store c"}, 4, 1},
		"only bad lines":                  {"bad\nbad\nbad\nbad", []string{"bad 1 3", "bad 2 3", "bad 3 3", "bad 4 3"}, 4, 4},
		"a long line ends the batch":      {"reject\n" + long + "\nb", []string{"store reject", "bad 1 6", fmt.Sprintf("bad 2 %d", len(long)), "store b"}, 3, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, log := newBatcher(3)
			var progress int64
			b.Progress = func(read int64) { progress = read }
			if err := b.Run(jsonl.Parse(strings.NewReader(tt.file), parseWord)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *log); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if b.Read != tt.read || b.Bad != tt.malformed || progress > b.Read {
				t.Errorf("read %d, malformed %d, progress %d, want %d and %d", b.Read, b.Bad, progress, tt.read, tt.malformed)
			}
		})
	}
}

func TestBatcherDoesNotCountABatchThatFailed(t *testing.T) {
	t.Parallel()
	b, log := newBatcher(3)
	err := b.Run(jsonl.Parse(strings.NewReader("a\nb\nc\nd\nbad\nfail\ne"), parseWord))
	if err == nil || err.Error() != "failed" {
		t.Errorf("Run = %v, want the error of Store", err)
	}
	if diff := cmp.Diff([]string{"store a b c"}, *log); diff != "" || b.Read != 3 || b.Bad != 0 {
		t.Errorf("read %d, malformed %d, steps (-want +got):\n%s", b.Read, b.Bad, diff)
	}
}

func TestBatcherStoresWhatPrecedesAReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	b, log := newBatcher(3)
	err := b.Run(jsonl.Parse(io.MultiReader(strings.NewReader("a\nb\n"), iotest.ErrReader(broken)), parseWord))
	if !errors.Is(err, broken) {
		t.Errorf("Run = %v, want %v", err, broken)
	}
	if diff := cmp.Diff([]string{"store a b"}, *log); diff != "" || b.Read != 2 {
		t.Errorf("read %d, steps (-want +got):\n%s", b.Read, diff)
	}
}

func TestBatcherStopsWhenABadLineCannotBeHandled(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, file := range []string{"bad\na", "reject\na\nb\nc", strings.Repeat("x", 2*jsonl.MaxLine) + "\na"} {
		b, _ := newBatcher(2)
		b.OnBad = func(int, io.Reader, error) error { return full }
		if err := b.Run(jsonl.Parse(strings.NewReader(file), parseWord)); !errors.Is(err, full) {
			t.Errorf("%.10q: Run = %v, want %v", file, err, full)
		}
		if b.Bad != 1 {
			t.Errorf("%.10q: %d bad lines were counted, want 1", file, b.Bad)
		}
	}
}

func TestStoreMayChangeTheSizeOfTheNextBatch(t *testing.T) {
	t.Parallel()
	b, log := newBatcher(1)
	store := b.Store
	b.Store = func(values []string) ([]error, error) {
		b.Size *= 2
		return store(values)
	}
	if err := b.Run(jsonl.Parse(strings.NewReader("a\nb\nc\nd\ne\nf\ng"), parseWord)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"store a", "store b c", "store d e f g"}, *log); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}
