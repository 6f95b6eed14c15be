package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server/httpguard"
)

//go:embed landing.html
var landingPage string

// landingPolicy lets the page use only its own style.
var landingPolicy = "default-src 'none'; style-src '" + styleHash(landingPage) +
	"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// styleHash returns the CSP source of the page's style.
func styleHash(page string) string {
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// handleLanding shows the page that links with ?ref= lead to.
func (s *Server) handleLanding(r *request) error {
	s.pickUp(r, queryRef(r.Query))
	if s.cfg.LandingURL != "" {
		r.redirect(s.cfg.LandingURL)
		return nil
	}
	h := &r.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, landingPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // the page that opened it cannot control it
	r.respond(fasthttp.StatusOK, "text/html; charset=utf-8", landingPage)
	return nil
}

// handleShortLink redirects /r/<code>, a short form of /?ref=<code>.
func (s *Server) handleShortLink(r *request) error {
	s.pickUp(r, strings.TrimPrefix(string(r.Path), "/r/"), queryRef(r.Query))
	r.redirect(cmp.Or(s.cfg.LandingURL, "/"))
	return nil
}

// pickUp sets the ref_code cookie to the first well-formed code of the presented values. It does not ask the store
// whether the code exists, so the answer does not reveal it.
func (s *Server) pickUp(r *request, presented ...string) {
	code := firstCode(presented)
	if !r.IsGet() || isPrefetch(r.Headers) || !code.WellFormed {
		return
	}
	if s.cfg.PickupTouch == referral.TouchFirst && firstCode(r.Headers.Cookies(auth.RefCookie)).WellFormed {
		return
	}
	r.outcome = outcomePickup
	r.Response.Header.Set(fasthttp.HeaderSetCookie, s.refCookie(code.Text, s.cfg.PickupMaxAge, s.secure(r)))
}

// refCookie returns the Set-Cookie value of ref_code. A deletion must name the same domain and path as a pickup.
func (s *Server) refCookie(code string, maxAge time.Duration, secure bool) string {
	return auth.Cookie{
		Name: auth.RefCookie, Value: code, Domain: s.cfg.CookieDomain, MaxAge: maxAge,
		HTTPOnly: true, Secure: secure,
	}.String()
}

// secure reports whether the answer's cookies get Secure.
func (s *Server) secure(r *request) bool {
	return s.cfg.CookieSecure == auth.SecureAlways || s.cfg.CookieSecure != auth.SecureNever && r.UsedHTTPS()
}

// queryRef returns the first `ref`, not decoded.
func queryRef(query []byte) string {
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		if key, value, _ := bytes.Cut(pair, []byte{'='}); string(key) == "ref" {
			return string(value)
		}
	}
	return ""
}

// isPrefetch reports whether the user may never see the page.
func isPrefetch(h httpguard.Headers) bool {
	for _, purpose := range append(h.Values("sec-purpose"), h.Values("purpose")...) {
		purpose, _, _ = strings.Cut(strings.ReplaceAll(purpose, ",", ";"), ";")
		if strings.EqualFold(strings.Trim(purpose, " \t"), "prefetch") {
			return true
		}
	}
	return false
}
