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
	"github.com/dustin/go-humanize"
)

// format is the value of --output.
type format string

const (
	formatText = "text"
	formatJSON = "json"
)

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if s != formatText && s != formatJSON {
		return fmt.Errorf("must be %s or %s", formatText, formatJSON)
	}
	*f = format(s)
	return nil
}

// result prints the result of a command: v as JSON, or what text prints.
func (e *env) result(v any, text func()) error {
	if e.format == formatJSON {
		return e.printJSON(v)
	}
	text()
	return e.outputErr()
}

// printJSON prints v on one line.
func (e *env) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("format the result: %w", err)
	}
	_, _ = e.out.Write(escapeJSON(b.Bytes()))
	return e.outputErr()
}

// printf prints text of the program; stored text in it must be escaped. See outputErr for its error.
func (e *env) printf(format string, args ...any) { fmt.Fprintf(e.out, format, args...) }

// outputErr returns the error of all output so far: the buffer keeps it.
func (e *env) outputErr() error {
	if _, err := e.out.Write(nil); err != nil {
		return outputError(err)
	}
	return nil
}

// flush writes the buffered output.
func (e *env) flush() error {
	if err := e.out.Flush(); err != nil {
		return outputError(err)
	}
	return nil
}

// escapeText makes stored text safe for a terminal: it escapes every rune that is not printable, such as
// controls, escapes and changes of the writing direction.
func escapeText(s string) string {
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

// escapeJSON escapes the same runes in a line of JSON. The encoder has escaped the ASCII controls, and other
// runes occur only in strings.
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

// optional returns nil for an empty text: null in JSON.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// optionalTime returns nil for the zero time: null in JSON.
func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// convert applies f to each element. The result is never nil, so an empty list is [] in JSON.
func convert[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

// formatTime formats a time for people.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// plural formats a count with its noun.
func plural[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return humanize.Comma(int64(n)) + " " + noun
}

// count prints one line of a report.
func (e *env) count(what string, n int64) { e.printf("%-18s%12s\n", what, humanize.Comma(n)) }

// table prints rows in aligned columns. Widths are terminal cells: a Chinese character takes two.
func (e *env) table(indent string, rows [][]string) {
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
			line += cell + strings.Repeat(" ", widths[i]-lipgloss.Width(cell)+2)
		}
		e.printf("%s\n", strings.TrimRight(line, " "))
	}
}
