package server

import (
	"github.com/gofiber/fiber/v2"
)

const (
	attributePath   = "/v1/auth/attribute"
	shortLinkPrefix = "/r/"
	shortLinkPath   = shortLinkPrefix + ":code"
	healthzPath     = "/healthz"
	readyzPath      = "/readyz"
)

// routes is the whole table. Get takes HEAD too; whatever is not here is 404, and another method on
// what is here is 405 with an Allow header.
func (s *Server) routes(app *fiber.App) {
	app.Use(s.preflight)
	app.Post(attributePath, route(s.attribute))

	app.Get("/", route(s.landing))
	app.Get(shortLinkPath, route(s.shortLink))

	app.Get(healthzPath, route(s.healthz))
	app.Get(readyzPath, route(s.readyz))
}

// route hands a handler its exchange.
func route(handler func(*exchange) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		x := exchangeOf(c.Context())
		x.route = c.Route().Path
		return handler(x)
	}
}
