package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestStoredTextIsEscaped(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"", ""},
		{"Ann Example", "Ann Example"},
		{"é 中文 🙂", "é 中文 🙂"},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"a\nb\tc\r\x00\x07\x7f", `a\x0ab\x09c\x0d\x00\x07\x7f`},
		{"\u009b2J", `\u009b2J`},
		{"\u202egnp.exe\u2066", `\u202egnp.exe\u2066`},
		{"\u200b\ufeff\u2028\u00a0", `\u200b\ufeff\u2028\u00a0`},
		{"\U000e0041", `\U000e0041`},
		{"\xff\xfe", `\xff\xfe`},
		{"\ufffd", "\ufffd"},
		{`\x1b`, `\x1b`},
	}
	for _, tt := range tests {
		if got := escapeText(tt.in); got != tt.want {
			t.Errorf("%q: %s, not %s", tt.in, got, tt.want)
		}
	}
}

func TestJSONHoldsTheSameTextWithNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Ann <ann&co>", "\x1b[31m", "\u009b2J", "\u202e", "\U000e0041", "é 中文 🙂", "\u2028", "\x7f", "a\nb", "\ufffd",
	} {
		var b bytes.Buffer
		a := newApp(newTestStreams().Streams, bufio.NewWriter(&b))
		if err := a.printJSON(map[string]string{"name": text}); err != nil {
			t.Fatal(err)
		}
		if err := a.flush(); err != nil {
			t.Fatal(err)
		}
		line := b.String()
		for _, r := range strings.TrimSuffix(line, "\n") {
			if !unicode.IsPrint(r) {
				t.Errorf("%q: %U in %q", text, r, line)
			}
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(line), &back); err != nil || back["name"] != text {
			t.Errorf("%q: comes back as %q (%v)", text, back["name"], err)
		}
	}
}

func FuzzEscapedTextIsPrintable(f *testing.F) {
	f.Add("Ann\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range escapeText(s) {
			if !unicode.IsPrint(r) {
				t.Errorf("%q: %U", s, r)
			}
		}
	})
}

func TestColumnsAlignByCells(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	a := newApp(newTestStreams().Streams, bufio.NewWriter(&b))
	a.table("  ", [][]string{{"a", "x"}, {"中文", "y"}, {"longer", ""}})
	if err := a.flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "  a       x\n  中文    y\n  longer\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestColoursOnlyOnATerminalThatWantsThem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		{true, nil, true},
		{true, map[string]string{"TERM": "xterm-256color"}, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true},
		{true, map[string]string{"TERM": "dumb"}, false},
		{false, map[string]string{"CLICOLOR_FORCE": "1"}, false},
	}
	for _, tt := range tests {
		s := newTestStreams()
		s.OutIsTerminal, s.ErrIsTerminal = tt.terminal, tt.terminal
		for name, value := range tt.env {
			s.env[name] = value
		}
		a := newApp(s.Streams, bufio.NewWriter(&s.out))
		if got := strings.Contains(a.styles.bad.Render("x"), "\x1b"); got != tt.want {
			t.Errorf("terminal %v, %v: coloured %v", tt.terminal, tt.env, got)
		}
		a.newLogger("info", "text").Info("hello")
		if got := strings.Contains(s.err.String(), "\x1b"); got != tt.want {
			t.Errorf("terminal %v, %v: log coloured %v", tt.terminal, tt.env, got)
		}
	}
}

func TestNumbersAndDurationsReadWell(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Minute: "10m", 720 * time.Hour: "720h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 500 * time.Millisecond: "500ms", 100 * time.Second: "1m40s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
	if got := fmt.Sprint(plural(1, "line"), plural(0, "line"), plural(2000, "line")); got != "1 line0 lines2,000 lines" {
		t.Error(got)
	}
}
