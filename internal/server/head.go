package server

import (
	"bytes"
	"iter"
)

// head is the raw header block of a request, as it came over the wire. What the library makes of it
// is not used for decisions: its accessors unquote cookies, keep the first of repeated headers and
// take trailers for headers. It is valid only while the request is being answered; what the methods
// return as strings are copies, and last.
type head []byte

// lines yields the name and the value of each header line, the value trimmed of blanks. A line
// without a colon has no name.
func (h head) lines() iter.Seq2[[]byte, []byte] {
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
			if !yield(name, bytes.Trim(value, blanks)) {
				return
			}
		}
	}
}

const blanks = " \t"

// values returns the values of every header line of that name, which is given in lower case.
func (h head) values(name string) []string {
	var values []string
	for n, v := range h.lines() {
		if equalFold(n, name) {
			values = append(values, string(v))
		}
	}
	return values
}

// cookies returns the value of every cookie of exactly that name, in order, over all Cookie lines.
// Nothing is unquoted or decoded.
func (h head) cookies(name string) []string {
	var values []string
	for n, line := range h.lines() {
		if !equalFold(n, "cookie") {
			continue
		}
		for len(line) > 0 {
			var pair []byte
			pair, line, _ = bytes.Cut(line, []byte{';'})
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
