package httpguard

import (
	"bytes"
	"iter"
)

// Headers is the raw header block of a request, as it came over the wire. Decisions use it, and not the accessors of
// fasthttp: those unquote cookies, keep the first of repeated headers and take trailers for headers. Headers is valid
// until the handler returns. The strings that its methods return are copies.
type Headers []byte

const blanks = " \t"

// lines yields the name of each header line, and its value with the blanks around it. A line without a colon has no name.
func (h Headers) lines() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for rest := []byte(h); len(rest) > 0; {
			var line []byte
			line, rest, _ = bytes.Cut(rest, []byte{'\n'})
			line = bytes.TrimSuffix(line, []byte{'\r'})
			if len(line) == 0 {
				return
			}
			name, value, found := bytes.Cut(line, []byte{':'})
			if !found {
				name, value = nil, line
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

// Values returns the value of every header line of that name, in order. The name is given in lower case.
func (h Headers) Values(name string) []string {
	var values []string
	for n, v := range h.lines() {
		if equalFold(n, name) {
			values = append(values, string(bytes.Trim(v, blanks)))
		}
	}
	return values
}

// Cookies returns the value of every cookie of exactly that name, in order, from all Cookie lines. Nothing is
// unquoted or decoded.
func (h Headers) Cookies(name string) []string {
	var values []string
	for n, line := range h.lines() {
		if !equalFold(n, "cookie") {
			continue
		}
		for pair := range bytes.SplitSeq(line, []byte{';'}) {
			key, value, found := bytes.Cut(bytes.Trim(pair, blanks), []byte{'='})
			if found && string(key) == name {
				values = append(values, string(value))
			}
		}
	}
	return values
}

// equalFold compares ASCII without regard to case; lower is in lower case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
