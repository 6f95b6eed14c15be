package server

import (
	"slices"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
)

// allowOrigin lets a page of a listed origin read the answer, also an error.
func (s *Server) allowOrigin(r *request) {
	if len(s.cfg.CORSOrigins) == 0 {
		return
	}
	h := &r.Response.Header
	h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if origins := r.Headers.Values("origin"); len(origins) == 1 && s.isListed(origins[0]) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, origins[0])
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, "Retry-After, X-Request-Id")
	}
}

// isPreflight reports whether a browser asks if a page of another origin may make a call.
func isPreflight(r *request) bool {
	return r.IsOptions() && len(r.Headers.Values("origin")) > 0 &&
		len(r.Headers.Values("access-control-request-method")) > 0
}

// answerPreflight names the methods and headers of the route to the pages of listed origins.
func answerPreflight(r *request, methods string) {
	r.outcome = outcomePreflight
	h := &r.Response.Header
	h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if len(h.Peek(fasthttp.HeaderAccessControlAllowOrigin)) > 0 {
		h.Set(fasthttp.HeaderAccessControlAllowMethods, methods)
		h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Content-Type, X-CSRF-Token")
		h.Set(fasthttp.HeaderAccessControlMaxAge, "600") // seconds
	}
	r.Response.SetStatusCode(fasthttp.StatusNoContent)
}

// isListed reports whether the origin is in cors.origins.
func (s *Server) isListed(origin string) bool {
	canonical, err := auth.ParseOrigin(origin)
	return err == nil && slices.Contains(s.cfg.CORSOrigins, canonical)
}
