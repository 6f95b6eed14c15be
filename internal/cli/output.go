package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
)

// format is the value of --output.
type format string

const (
	formatText = "text"
	formatJSON = "json"
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "format" }

// Set accepts the two formats there are.
func (f *format) Set(s string) error {
	if s != formatText && s != formatJSON {
		return fmt.Errorf("must be %s or %s", formatText, formatJSON)
	}
	*f = format(s)
	return nil
}

// result prints what a command found: v as JSON, or else what text prints.
func (a *app) result(v any, text func()) error {
	if a.format == formatJSON {
		return a.printJSON(v)
	}
	text()
	return a.written()
}

// printJSON prints v as one line.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("format the result: %w", err)
	}
	if _, err := a.out.Write(escapeJSON(b.Bytes())); err != nil {
		return outputError(err)
	}
	return nil
}

// printf prints text of the program's own; stored text in it goes through escapeText. Its error is
// kept by the buffer: see written.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// written tells whether everything printed so far was taken.
func (a *app) written() error {
	if _, err := a.out.Write(nil); err != nil {
		return outputError(err)
	}
	return nil
}

// flush hands over what was printed so far.
func (a *app) flush() error {
	if err := a.out.Flush(); err != nil {
		return outputError(err)
	}
	return nil
}

// escapeText makes text from outside safe for a terminal: every rune that is not printable, be it a
// control, an escape or a sign that reverses the direction of writing, is written out.
func escapeText(s string) string {
	if !needsEscape(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < utf8.RuneSelf && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

func needsEscape(s string) bool {
	for i, r := range s {
		if !unicode.IsPrint(r) {
			return true
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return true
			}
		}
	}
	return false
}

// escapeJSON does the same to a line of JSON, in JSON's own way. Beyond ASCII, whose controls the
// encoder escapes, such runes can only be in strings.
func escapeJSON(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, line[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		line = line[size:]
	}
	return out
}

// optional is the JSON of a text that may be absent.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// optionalTime is the JSON of a time that may be absent.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// when is how a time is printed for people.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// shortDuration is the duration's usual text without the units that are zero: 720h, not 720h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// plural is a count with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%s %ss", grouped(n), noun)
}

// grouped writes a number as people read it: 1,234,567.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// table prints rows in aligned columns, two blanks apart, each line after the indent. Widths count
// cells: a Chinese letter takes two.
func (a *app) table(indent string, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	for _, row := range rows {
		line := indent
		for i, cell := range row {
			line += cell
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-lipgloss.Width(cell)+2)
			}
		}
		a.printf("%s\n", strings.TrimRight(line, " "))
	}
}
