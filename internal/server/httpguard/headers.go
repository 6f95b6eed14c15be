package httpguard

import (
	"bytes"
	"iter"
)

// Headers is the raw header block of a request, valid until the handler returns. Its methods return copies. The
// accessors of fasthttp unquote cookies, keep the first of repeated headers and take trailers for headers.
type Headers []byte

const blanks = " \t"

// lines yields the names and the untrimmed values. A line without a colon has no name.
func (h Headers) lines() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for line := range bytes.SplitSeq(h, []byte{'\n'}) {
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

// Values returns the value of every header line of that name, in order.
func (h Headers) Values(name string) []string {
	var values []string
	for n, v := range h.lines() {
		if equalFold(n, name) {
			values = append(values, string(bytes.Trim(v, blanks)))
		}
	}
	return values
}

// Cookies returns the value of every cookie of exactly that name, in order. Nothing is unquoted or decoded.
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

// equalFold compares ASCII without regard to case. Other letters that fold to ASCII are longer.
func equalFold(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }
