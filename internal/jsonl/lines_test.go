package jsonl_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/jsonl"
)

func linesOf(t *testing.T, r io.Reader) []string {
	t.Helper()
	var got []string
	for l, err := range jsonl.Lines(r) {
		if err != nil {
			t.Fatal(err)
		}
		text := string(l.Text)
		if l.Rest != nil {
			text = "long"
		}
		got = append(got, strings.Repeat("\n", l.Number-1)+text)
	}
	return got
}

func TestLinesKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 64<<10)
	tests := []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"\n \n", nil},
		{"a", []string{"a"}},
		{"a\r\n\n b \n", []string{"a", "\n\nb"}},
		{long + "yy\nb", []string{"long", "\nb"}},
		{long + long + long, []string{"long"}},
		{long[1:] + "\nb", []string{long[1:], "\nb"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, linesOf(t, strings.NewReader(tt.in))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(tt.want, linesOf(t, iotest.HalfReader(strings.NewReader(tt.in)))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAReadErrorEndsTheLines(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var last error
	for _, err := range jsonl.Lines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))) {
		last = err
	}
	if !errors.Is(last, broken) {
		t.Error(last)
	}
}
