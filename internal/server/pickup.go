package server

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// pickup plants the ref_code cookie when a visitor arrives with a well-formed code; presented are the
// places it may be in, first come first served. Whether anybody owns the code is not asked, so that
// nobody can find out here.
func (s *Server) pickup(x *exchange, presented ...string) {
	if !x.IsGet() || isPrefetch(x.head) {
		return
	}
	i := slices.IndexFunc(presented, wellFormed)
	if i < 0 {
		return
	}
	if s.cfg.PickupTouch == referral.TouchFirst && slices.ContainsFunc(x.head.cookies(auth.RefCookie), wellFormed) {
		return
	}
	x.outcome = outcomePickup
	x.Response.Header.Set(fasthttp.HeaderSetCookie,
		s.refCookie(referral.ParsePresentedCode(presented[i]).Text, s.cfg.PickupMaxAge, s.secure(x)))
}

func wellFormed(code string) bool {
	_, err := referral.ParseCode(code)
	return err == nil
}

// refCookie is the one place that knows the attributes of ref_code: a deletion reaches the cookie
// only when it names the same domain and path.
func (s *Server) refCookie(code string, maxAge time.Duration, secure bool) string {
	return auth.Cookie{
		Name: auth.RefCookie, Value: code, Domain: s.cfg.CookieDomain, MaxAge: maxAge,
		HTTPOnly: true, Secure: secure,
	}.String()
}

// queryRef returns the raw value of the first `ref` of a raw query.
func queryRef(query []byte) string {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		if key, value, _ := bytes.Cut(pair, []byte{'='}); string(key) == "ref" {
			return string(value)
		}
	}
	return ""
}

// isPrefetch tells whether the browser fetches a page its user may never look at.
func isPrefetch(h head) bool {
	for _, purpose := range append(h.values("sec-purpose"), h.values("purpose")...) {
		if i := strings.IndexAny(purpose, ";,"); i >= 0 {
			purpose = purpose[:i]
		}
		if strings.EqualFold(strings.Trim(purpose, blanks), "prefetch") {
			return true
		}
	}
	return false
}
