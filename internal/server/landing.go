package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"

	"github.com/valyala/fasthttp"
)

//go:embed landing.html
var landingPage []byte

// landingPolicy lets the page show its own style and nothing else: no script, no frame, no request.
var landingPolicy = "default-src 'none'; style-src '" + styleHash(landingPage) +
	"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// styleHash is the CSP source of the page's one style element.
func styleHash(page []byte) string {
	_, style, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// landing is the page links with ?ref= lead to.
func (s *Server) landing(x *exchange) error {
	s.pickup(x, queryRef(x.query))
	if s.cfg.LandingURL != "" {
		x.redirect(s.cfg.LandingURL)
		return nil
	}
	h := &x.Response.Header
	h.Set(fasthttp.HeaderContentSecurityPolicy, landingPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin") // the page that opened it has no hold on it
	x.respond(fasthttp.StatusOK, "text/html; charset=utf-8", landingPage)
	return nil
}

// shortLink is /r/<code>: the same as /?ref=<code>, in fewer characters.
func (s *Server) shortLink(x *exchange) error {
	code := x.path[len(shortLinkPrefix):]
	if hasEscapedSlash(code) {
		return errNotFound
	}
	s.pickup(x, string(code), queryRef(x.query))
	target := s.cfg.LandingURL
	if target == "" {
		target = "/"
	}
	x.redirect(target)
	return nil
}

// hasEscapedSlash tells whether a raw path would be another one when it is decoded.
func hasEscapedSlash(path []byte) bool {
	return bytes.Contains(bytes.ToLower(path), []byte("%2f"))
}

// redirect sends the visitor to target, which never comes from the request.
func (x *exchange) redirect(target string) {
	x.Response.Header.Set(fasthttp.HeaderLocation, target)
	x.Response.SetStatusCode(fasthttp.StatusFound)
}
