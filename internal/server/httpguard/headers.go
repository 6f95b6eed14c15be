package httpguard

import (
	"bytes"
	"iter"
	"strings"
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
		if bytes.EqualFold(n, []byte(name)) {
			values = append(values, string(bytes.Trim(v, blanks)))
		}
	}
	return values
}

// Cookies returns the value of every cookie of exactly that name, in order. Nothing is unquoted or decoded.
func (h Headers) Cookies(name string) []string {
	var values []string
	for _, line := range h.Values("cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if value, ok := strings.CutPrefix(strings.Trim(pair, blanks), name+"="); ok {
				values = append(values, strings.Clone(value)) // it must not keep the other cookies in memory
			}
		}
	}
	return values
}
