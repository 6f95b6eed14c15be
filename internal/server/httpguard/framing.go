package httpguard

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// If a proxy reads the boundaries of a request differently than this server, a client can smuggle in a second one.
// fasthttp accepts much: of two lengths the last one counts, any Transfer-Encoding is chunked, a folded line is joined.

// ambiguous is the protocol that disarm writes into a request to reject. No request line can contain it.
const ambiguous = "ambiguous"

// disarm is called before the body is read. It removes the body of an ambiguous request, so the rejection waits for
// nothing, and closes its connection, so nothing after it counts as another request.
func disarm(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	switch {
	case !wellFramed(h):
		h.SetProtocol(ambiguous)
		h.SetContentLength(0)
		h.Del(fasthttp.HeaderExpect)
		h.SetConnectionClose()
	case h.ContentLength() > maxBody, !h.IsHTTP11():
		h.Del(fasthttp.HeaderExpect) // the body is not asked for: it is too large, or HTTP/1.0 has no 100 Continue
	case h.ContentLength() == -1:
		// fasthttp also accepts much in chunk extensions and trailers. If no request follows, it does not matter
		// where the body ends.
		h.SetConnectionClose()
	}
	return fasthttp.RequestConfig{}
}

// wellFramed reports whether every reader must see the same request.
func wellFramed(h *fasthttp.RequestHeader) bool {
	protocol := string(h.Protocol())
	return (protocol == "HTTP/1.0" || protocol == "HTTP/1.1") && isToken(h.Method()) && isTarget(h.RequestURI()) &&
		Headers(h.RawHeaders()).wellFramed(protocol == "HTTP/1.1")
}

func (h Headers) wellFramed(http11 bool) bool {
	// A bare LF ends a line here, but is a part of the value for a stricter reader.
	if bytes.IndexByte(h, 0) >= 0 || bytes.Count(h, []byte("\n")) != bytes.Count(h, []byte("\r\n")) {
		return false
	}
	var hosts, lengths, encodings int
	for name, value := range h.lines() {
		// A folded line begins with a blank, which no token does.
		if !isToken(name) || bytes.IndexByte(value, '\r') >= 0 {
			return false
		}
		value = bytes.Trim(value, blanks)
		switch {
		case equalFold(name, "host"):
			if !hostBytes.containsAll(value) {
				return false
			}
			hosts++
		case equalFold(name, "content-length"):
			lengths++
		case equalFold(name, "transfer-encoding"):
			if !http11 || !equalFold(value, "chunked") {
				return false
			}
			encodings++
		}
	}
	return hosts <= 1 && (hosts == 1 || !http11) && lengths+encodings <= 1
}

// lines follows the lines of one request up to its body. fasthttp does not keep its request line.
type lines struct {
	blanks int  // so far, from the request line on
	length int  // of the current line so far
	cr     bool // the current line so far ends in CR
	bad    bool // a line ends in LF alone, or the request line has no version
	ended  bool // the headers are complete
	after  int  // bytes that follow the headers
}

// scan continues with the next bytes. Empty lines may precede the request line.
func (l *lines) scan(b []byte) {
	for len(b) > 0 && !l.bad && !l.ended {
		line, rest, found := bytes.Cut(b, []byte{'\n'})
		l.blanks += bytes.Count(line, []byte{' '})
		l.length += len(line)
		l.cr = bytes.HasSuffix(line, []byte{'\r'}) || len(line) == 0 && l.cr
		if b = rest; found {
			empty := l.cr && l.length == 1
			l.bad = !l.cr || !empty && l.blanks < 2 // before the target, and before the version
			l.ended = empty && l.blanks > 0
			l.length, l.cr = 0, false
		}
	}
	l.after += len(b)
}

// byteSet is a set of bytes. Every header of every request is checked with one, so it is a table.
type byteSet [256]bool

func newByteSet(others string) *byteSet {
	var set byteSet
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + others) {
		set[c] = true
	}
	return &set
}

func (set *byteSet) containsAll(b []byte) bool {
	for _, c := range b {
		if !set[c] {
			return false
		}
	}
	return true
}

var (
	tokenBytes     = newByteSet("!#$%&'*+-.^_`|~")
	hostBytes      = newByteSet("!$%&'()*+,-.:;=[]_~") // of hosts with ports
	requestIDBytes = newByteSet("._-")
)

// isToken reports whether b is a token (RFC 9110, 5.6.2): a method or the name of a header.
func isToken(b []byte) bool { return len(b) > 0 && tokenBytes.containsAll(b) }

// isTarget reports whether b has no blanks and control characters: another reader could cut the line there. Bytes
// beyond ASCII are wrong too, but visitors type them into links.
func isTarget(b []byte) bool {
	return len(b) > 0 && !bytes.ContainsFunc(b, func(c rune) bool { return c <= ' ' || c == 0x7f })
}
