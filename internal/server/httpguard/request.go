package httpguard

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// Request is one request and its answer. Its bytes are valid until the handler returns.
type Request struct {
	*fasthttp.RequestCtx
	Headers     Headers
	Path, Query []byte // as they came: nothing is decoded
	ID          string // the value of the answer's X-Request-Id
	// Rejected is 0, or the status of the answer: 400, 408, 413 or 431. Then nothing may be executed.
	Rejected int
	conn     *conn
}

func newRequest(ctx *fasthttp.RequestCtx, rejected int, c *conn) Request {
	r := Request{RequestCtx: ctx, Headers: ctx.Request.Header.RawHeaders(), Rejected: rejected, conn: c}
	r.ID = requestID(r.Headers, c.trusted)
	r.Path, r.Query = splitTarget(ctx.Request.Header.RequestURI())
	if rejected == 0 {
		// Routers read the path from here. fasthttp mistakes `//host/path` and `/?u=http://host/path` for URLs.
		ctx.URI().SetPathBytes(r.Path)
	}
	return r
}

// UsedHTTPS reports whether a trusted proxy says that the client used HTTPS. Of the values of X-Forwarded-Proto, only
// the first counts: proxies append theirs.
func (r *Request) UsedHTTPS() bool {
	first, _, _ := strings.Cut(strings.Join(r.Headers.Values("x-forwarded-proto"), ","), ",")
	return r.conn.trusted && strings.EqualFold(strings.Trim(first, blanks), "https")
}

// ClientAddr returns the address of the client: the peer's, or behind trusted proxies the last in X-Forwarded-For that is
// not one of theirs. What precedes it, or precedes a value that is no address, was written by the client.
func (r *Request) ClientAddr() netip.Addr {
	client := peerAddr(r.conn.RemoteAddr())
	if !r.conn.trusted {
		return client
	}
	hops := strings.Split(strings.Join(r.Headers.Values("x-forwarded-for"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.Trim(hop, blanks)
		addr, err := netip.ParseAddr(hop)
		if withPort, portErr := netip.ParseAddrPort(hop); portErr == nil { // some proxies add it
			addr, err = withPort.Addr(), nil
		}
		if err != nil {
			return client
		}
		if client = addr.Unmap().WithZone(""); !r.conn.set.trusts(client) {
			return client
		}
	}
	return client
}

// splitTarget cuts a request target into its path and its query. It removes the scheme and the authority of the
// absolute form (RFC 9112, 3.2.2).
func splitTarget(target []byte) (path, query []byte) {
	path, query, _ = bytes.Cut(target, []byte{'?'})
	scheme, rest, found := bytes.Cut(path, []byte("://"))
	if !found || !equalFold(scheme, "http") && !equalFold(scheme, "https") {
		return path, query
	}
	_, path, _ = bytes.Cut(rest, []byte{'/'})
	return append([]byte{'/'}, path...), query
}

// requestID returns the id of the request in logs and answers. Only a trusted proxy may choose it: other clients could
// make their requests look like another's. A new id is unique, but not hard to guess.
func requestID(h Headers, trusted bool) string {
	if trusted {
		if sent := h.Values("x-request-id"); len(sent) == 1 && isRequestID(sent[0]) {
			return sent[0]
		}
	}
	return fmt.Sprintf("req_%016x", rand.Uint64())
}

func isRequestID(s string) bool {
	return s != "" && len(s) <= 128 && requestIDBytes.containsAll([]byte(s))
}
