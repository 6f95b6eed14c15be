package cli

import (
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

// The values of --output.
const formatText, formatJSON = "text", "json"

// setFormat is the flag --output.
func (e *env) setFormat(s string) error {
	if s != formatText && s != formatJSON {
		return fmt.Errorf("must be %s or %s", formatText, formatJSON)
	}
	e.format = s
	return nil
}

// result prints the result of a command: v as one line of JSON, or what text prints.
func (e *env) result(v any, text func()) error {
	if e.format == formatJSON {
		line, err := toJSON(v)
		if err != nil {
			return fmt.Errorf("format the result: %w", err)
		}
		text = func() { e.printf("%s\n", escapeJSON(line)) }
	}
	text()
	_, err := e.out.Write(nil) // the error of all output so far
	return outputError(err)
}

// resultOrError is result for what a call returned, or the error of the call with what it tried to do.
func (e *env) resultOrError(err error, try string, v any, text func()) error {
	if err != nil {
		return fmt.Errorf("%s: %w", try, err)
	}
	return e.result(v, text)
}

// printf prints text of the program; stored text in it must be escaped. result returns its error.
func (e *env) printf(format string, args ...any) { fmt.Fprintf(e.out, format, args...) }

func (e *env) flush() error { return outputError(e.out.Flush()) }

// escapeText makes stored text safe for a terminal.
func escapeText(s string) string {
	return escape(s, func(b []byte, r rune, raw string) []byte {
		switch {
		case len(raw) == 1: // ASCII, or a byte that is not UTF-8
			return fmt.Appendf(b, `\x%02x`, raw[0])
		case r > 0xffff:
			return fmt.Appendf(b, `\U%08x`, r)
		}
		return fmt.Appendf(b, `\u%04x`, r)
	})
}

// escapeJSON escapes the same runes in a line of JSON. They occur only in strings.
func escapeJSON(line string) string {
	return escape(line, func(b []byte, r rune, _ string) []byte {
		for _, unit := range utf16.Encode([]rune{r}) {
			b = fmt.Appendf(b, `\u%04x`, unit)
		}
		return b
	})
}

// escape copies s and escapes what is not printable.
func escape(s string, appendEscaped func(b []byte, r rune, raw string) []byte) string {
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			b = append(b, s[:size]...)
		} else {
			b = appendEscaped(b, r, s[:size])
		}
		s = s[size:]
	}
	return string(b)
}

// object is a JSON object with its fields in this order. Empty texts and zero times are absent values: null.
type object []field

type field struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	fields := make([]string, len(o))
	for i, f := range o {
		if f.value == "" || f.value == (time.Time{}) {
			f.value = nil
		}
		value, err := toJSON(f.value)
		if err != nil {
			return nil, err
		}
		fields[i] = fmt.Sprintf("%q:%s", f.name, value)
	}
	return []byte("{" + strings.Join(fields, ",") + "}"), nil
}

// toJSON is json.Marshal without escapes for HTML.
func toJSON(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// convert applies f to each element. The result is never nil, so an empty list is [] in JSON.
func convert[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func plural[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return humanize.Comma(int64(n)) + " " + noun
}

// printCounts prints the counts of a report, one line each.
func (e *env) printCounts(counts ...field) {
	for _, c := range counts {
		e.printf("%-18s%12s\n", c.name, humanize.Comma(c.value.(int64)))
	}
}

// safe is text that a terminal may get: it is escaped, or the program's own with colors.
type safe string

func escaped(text string) safe { return safe(escapeText(text)) }

func styled(style lipgloss.Style, text string) safe { return safe(style.Render(escapeText(text))) }

// table prints rows in aligned columns, and escapes every cell that is no safe. Widths are terminal cells: a Chinese
// character takes two.
func (e *env) table(indent string, cells [][]any) {
	rows := convert(cells, func(row []any) []string {
		return convert(row, func(cell any) string {
			if text, ok := cell.(safe); ok {
				return string(text)
			}
			return escapeText(fmt.Sprint(cell))
		})
	})
	widths := map[int]int{} // by column
	for _, row := range rows {
		for i, cell := range row {
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
