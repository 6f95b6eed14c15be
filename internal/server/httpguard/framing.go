package httpguard

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

// If a proxy reads the boundaries of a request differently than this server, a client can smuggle a second request
// in. fasthttp accepts much: of two lengths the last one counts, any Transfer-Encoding is chunked, a folded line is
// joined. So whatever could be read in two ways is rejected here, before a byte of the body is read.

// ambiguous is the protocol that disarm writes into a request that must be rejected. It is not valid in a request line.
const ambiguous = "ambiguous"

// disarm is called after the headers of a request were read. It removes the body of a request that will be rejected,
// so the rejection waits for nothing, and makes it the last request of its connection, so nothing after it counts as
// another request.
func disarm(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	switch {
	case !wellFramed(h):
		h.SetProtocol(ambiguous)
		h.SetContentLength(0)
		h.Del(fasthttp.HeaderExpect)
		h.SetConnectionClose()
	case h.ContentLength() > maxBody:
		h.Del(fasthttp.HeaderExpect) // rejected without asking for the body
	case h.ContentLength() == -1:
		// fasthttp also accepts much in chunk extensions and trailers, which cannot be changed from here. If no
		// request follows, it does not matter where a chunked body ends.
		h.SetConnectionClose()
	}
	return fasthttp.RequestConfig{}
}

// wellFramed reports whether every reader must see the same request.
func wellFramed(h *fasthttp.RequestHeader) bool {
	http11 := string(h.Protocol()) == "HTTP/1.1"
	if !http11 && string(h.Protocol()) != "HTTP/1.0" {
		return false
	}
	return isToken(h.Method()) && isTarget(h.RequestURI()) && Headers(h.RawHeaders()).wellFramed(http11)
}

func (h Headers) wellFramed(http11 bool) bool {
	// A bare LF ends a line here. A stricter reader takes it for a part of the value.
	if bytes.IndexByte(h, 0) >= 0 || bytes.Count(h, []byte("\n")) != bytes.Count(h, []byte("\r\n")) {
		return false
	}
	var hosts, lengths, encodings int
	for name, value := range h.lines() {
		// A folded line begins with a blank, which no token does.
		if !isToken(name) || bytes.IndexByte(value, '\r') >= 0 {
			return false
		}
		switch {
		case equalFold(name, "host"):
			if !isHost(bytes.Trim(value, blanks)) {
				return false
			}
			hosts++
		case equalFold(name, "content-length"):
			lengths++
		case equalFold(name, "transfer-encoding"):
			if !http11 || !equalFold(bytes.Trim(value, blanks), "chunked") {
				return false
			}
			encodings++
		}
	}
	return hosts <= 1 && (hosts == 1 || !http11) && lengths+encodings <= 1
}

// isToken reports whether b is a token (RFC 9110, 5.6.2): a method or the name of a header.
func isToken(b []byte) bool { return len(b) > 0 && alphanumericOr(b, "!#$%&'*+-.^_`|~") }

// isHost reports whether b has only characters of hosts and ports. A stricter reader would reject any other, and read
// what follows the request differently. The host may be empty.
func isHost(b []byte) bool { return alphanumericOr(b, "!$%&'()*+,-.:;=[]_~") }

// alphanumericOr reports whether b is made of ASCII letters, digits, and these others.
func alphanumericOr(b []byte, others string) bool {
	for _, c := range b {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(others, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// isTarget reports whether b has no blanks and control characters, at which another reader could cut the request line.
// Bytes beyond ASCII are wrong in a target too, but visitors type them into links.
func isTarget(b []byte) bool {
	return len(b) > 0 && !bytes.ContainsFunc(b, func(c rune) bool { return c <= ' ' || c == 0x7f })
}
