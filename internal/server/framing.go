package server

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"
)

// A proxy that reads the boundaries of a request differently than this server does lets a client
// smuggle a second request in. fasthttp is generous about them (of two lengths the last one counts,
// any Transfer-Encoding is chunked, a folded line is joined), so whatever could be read in two ways
// is refused here, before a byte of its body is read.

// disarm is called when the head of a request has been read. Of a request that is going to be refused
// it takes the body away, so that the refusal waits for nothing, and makes it the last of its
// connection, so that nothing behind it is taken for another request.
func disarm(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	switch {
	case !wellFramed(h):
		h.SetContentLength(0)
		h.Del(fasthttp.HeaderExpect)
		h.SetConnectionClose()
	case h.ContentLength() > maxBody:
		h.Del(fasthttp.HeaderExpect) // refused without asking for it first
	case h.ContentLength() == -1:
		// fasthttp's reading of chunk extensions and trailers is as generous. It cannot be made
		// strict from here, but where a chunked body ends need not matter to a request after it.
		h.SetConnectionClose()
	}
	return fasthttp.RequestConfig{}
}

// wellFramed tells whether every reader of the request must see the same request.
func wellFramed(h *fasthttp.RequestHeader) bool {
	http11 := string(h.Protocol()) == "HTTP/1.1"
	if !http11 && string(h.Protocol()) != "HTTP/1.0" {
		return false
	}
	return isToken(h.Method()) && isTarget(h.RequestURI()) && head(h.RawHeaders()).wellFramed(http11)
}

func (h head) wellFramed(http11 bool) bool {
	// LF alone ends a line here, and for a reader in front that is stricter it stands in a value.
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
			if !isHost(value) {
				return false
			}
			hosts++
		case equalFold(name, "content-length"):
			lengths++
		case equalFold(name, "transfer-encoding"):
			encodings++
			if !equalFold(value, "chunked") {
				return false
			}
		}
	}
	if encodings > 0 && !http11 {
		return false
	}
	return hosts <= 1 && (hosts == 1 || !http11) && lengths+encodings <= 1
}

// isToken tells whether b is a token of RFC 9110, 5.6.2: a method or the name of a header.
func isToken(b []byte) bool { return len(b) > 0 && alphanumericOr(b, "!#$%&'*+-.^_`|~") }

// isHost refuses what can stand in no host and no port: a strict reader would refuse the request, and
// take what follows it for nothing. It may be empty.
func isHost(b []byte) bool { return alphanumericOr(b, "!$%&'()*+,-.:;=[]_~") }

// alphanumericOr tells whether b is made of ASCII letters, digits, and these others.
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

// isTarget refuses blanks and control characters, between which the request line could be cut anew.
// Bytes beyond ASCII are wrong in a target too, but visitors do type them into links.
func isTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

// splitTarget cuts a request target into its path and its query, both as they came. The absolute
// form of RFC 9112, 3.2.2, is stripped of scheme and authority.
func splitTarget(target []byte) (path, query []byte) {
	path, query, _ = bytes.Cut(target, []byte{'?'})
	for _, scheme := range []string{"http://", "https://"} {
		if len(path) >= len(scheme) && equalFold(path[:len(scheme)], scheme) {
			authority := path[len(scheme):]
			slash := bytes.IndexByte(authority, '/')
			if slash < 0 {
				return []byte{'/'}, query
			}
			return authority[slash:], query
		}
	}
	return path, query
}
