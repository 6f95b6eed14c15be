package server

import (
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
)

// preflightAge is how long, in seconds, a browser may remember a preflight's answer.
const preflightAge = "600"

// exposed are the headers that a page on another origin may read besides the usual ones.
const exposed = "Retry-After, X-Request-Id"

// allowOrigin lets a listed page read the answer, whatever it will be.
func (s *Server) allowOrigin(x *exchange) {
	if len(s.cfg.CORSOrigins) == 0 {
		return
	}
	h := &x.Response.Header
	h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if origins := x.head.values("origin"); len(origins) == 1 && s.isListed(origins[0]) {
		h.Set(fasthttp.HeaderAccessControlAllowOrigin, origins[0])
		h.Set(fasthttp.HeaderAccessControlAllowCredentials, "true")
		h.Set(fasthttp.HeaderAccessControlExposeHeaders, exposed)
	}
}

// preflight answers a browser that asks whether it may call attribute from another origin. It
// answers before the method is judged; to every other request it is transparent.
func (s *Server) preflight(c *fiber.Ctx) error {
	x := exchangeOf(c.Context())
	if !x.IsOptions() || string(x.path) != attributePath ||
		len(x.head.values("origin")) == 0 || len(x.head.values("access-control-request-method")) == 0 {
		return c.Next()
	}
	x.route, x.outcome = attributePath, outcomePreflight
	h := &x.Response.Header
	h.Set(fasthttp.HeaderVary, fasthttp.HeaderOrigin)
	if len(h.Peek(fasthttp.HeaderAccessControlAllowOrigin)) > 0 {
		h.Set(fasthttp.HeaderAccessControlAllowMethods, fasthttp.MethodPost)
		h.Set(fasthttp.HeaderAccessControlAllowHeaders, "Content-Type, X-CSRF-Token")
		h.Set(fasthttp.HeaderAccessControlMaxAge, preflightAge)
	}
	x.Response.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// isListed reports whether the origin is one of the console's pages.
func (s *Server) isListed(origin string) bool {
	if len(s.cfg.CORSOrigins) == 0 {
		return false
	}
	canonical, err := auth.ParseOrigin(origin)
	return err == nil && slices.Contains(s.cfg.CORSOrigins, canonical)
}
