package httpguard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"github.com/valyala/fasthttp"
)

// Request is one request and its answer. Its bytes belong to fasthttp and are valid until the handler returns: copy
// what is kept longer.
type Request struct {
	*fasthttp.RequestCtx
	Headers     Headers
	Path, Query []byte // as they came: nothing is decoded
	ID          string // the value of the answer's X-Request-Id
	// Rejected is the status that the answer must have, 400, 408, 413 or 431. Nothing may be executed then.
	// It is 0 for an acceptable request.
	Rejected int
	trusted  bool // the peer is a trusted proxy
}

func newRequest(ctx *fasthttp.RequestCtx, rejected int, trusted bool) Request {
	r := Request{RequestCtx: ctx, Headers: ctx.Request.Header.RawHeaders(), Rejected: rejected, trusted: trusted}
	r.ID = requestID(r.Headers, trusted)
	r.Path, r.Query = splitTarget(ctx.Request.Header.RequestURI())
	if rejected == 0 {
		// Routers read the path from here. fasthttp's own choice is the path of another host in `//host/path`, and
		// depends on the query in `/?u=http://host/path`.
		ctx.URI().SetPathBytes(r.Path)
	}
	return r
}

// UsedHTTPS reports whether the client used HTTPS, which only a trusted proxy can say.
func (r *Request) UsedHTTPS() bool { return r.trusted && forwardedHTTPS(r.Headers) }

// forwardedHTTPS reports whether the first value of X-Forwarded-Proto is https: proxies append theirs.
func forwardedHTTPS(h Headers) bool {
	lines := h.Values("x-forwarded-proto")
	if len(lines) == 0 {
		return false
	}
	first, _, _ := strings.Cut(lines[0], ",")
	return strings.EqualFold(strings.Trim(first, blanks), "https")
}

// splitTarget cuts a request target into its path and its query, both as they came. It removes the scheme and the
// authority of the absolute form (RFC 9112, 3.2.2).
func splitTarget(target []byte) (path, query []byte) {
	path, query, _ = bytes.Cut(target, []byte{'?'})
	for _, scheme := range []string{"http://", "https://"} {
		if len(path) < len(scheme) || !equalFold(path[:len(scheme)], scheme) {
			continue
		}
		authority := path[len(scheme):]
		if slash := bytes.IndexByte(authority, '/'); slash >= 0 {
			return authority[slash:], query
		}
		return []byte{'/'}, query
	}
	return path, query
}

// requestID returns the id of the request in logs and answers. Only a trusted proxy may choose it: any other client
// could make its requests look like those of another. A new id is unique, but not hard to guess.
func requestID(h Headers, trusted bool) string {
	if trusted {
		if sent := h.Values("x-request-id"); len(sent) == 1 && isRequestID(sent[0]) {
			return sent[0]
		}
	}
	var random [8]byte
	binary.BigEndian.PutUint64(random[:], rand.Uint64())
	id := append(make([]byte, 0, 20), "req_"...)
	return string(hex.AppendEncode(id, random[:]))
}

func isRequestID(s string) bool {
	return s != "" && len(s) <= 128 && alphanumericOr([]byte(s), "._-")
}
