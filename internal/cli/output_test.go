package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/triport/triport-console/internal/referral"
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

func TestJSONEscapesTerminalControls(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Ann <ann&co>", "\x1b[31m", "\u009b2J", "\u202e", "\U000e0041", "é 中文 🙂", "\u2028", "\x7f", "a\nb", "\ufffd",
	} {
		var b bytes.Buffer
		e := newEnv(newTestStreams().Streams, bufio.NewWriter(&b))
		e.format = formatJSON
		if err := e.result(map[string]string{"name": text}, nil); err != nil {
			t.Fatal(err)
		}
		if err := e.flush(); err != nil {
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

func TestTableColumnsAlignByTerminalCells(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	e := newEnv(newTestStreams().Streams, bufio.NewWriter(&b))
	e.table("  ", [][]any{{"a", "x"}, {"中文", "y"}, {"longer", ""}})
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "  a       x\n  中文    y\n  longer\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestColorsOnlyOnTerminalsThatAcceptThem(t *testing.T) {
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
		e := newEnv(s.Streams, bufio.NewWriter(&s.out))
		if got := strings.Contains(e.styles.bad.Render("x"), "\x1b"); got != tt.want {
			t.Errorf("terminal %v, %v: colored %v", tt.terminal, tt.env, got)
		}
		e.newLogger(e.Err, "info", "text").Info("hello")
		if got := strings.Contains(s.err.String(), "\x1b"); got != tt.want {
			t.Errorf("terminal %v, %v: log colored %v", tt.terminal, tt.env, got)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 lines", 1: "1 line", 999: "999 lines", 2000: "2,000 lines", 1234567: "1,234,567 lines"} {
		if got := plural(n, "line"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestTableEscapesEveryCell(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	e := newEnv(newTestStreams().Streams, bufio.NewWriter(&b))
	e.printCodes("", []referral.Code{{Code: "a\x1b[2J", Kind: "k\x1b[31m"}})
	e.table("", [][]any{{"id\u202e", styled(e.styles.bad, "x\x1b]0;title\x07")}})
	if err := e.flush(); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Errorf("%U in %q", r, b.String())
		}
	}
	if !strings.Contains(b.String(), `a\x1b[2J`) || !strings.Contains(b.String(), `id\u202e`) {
		t.Errorf("%q", b.String())
	}
}
