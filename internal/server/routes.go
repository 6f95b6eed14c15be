package server

import (
	"github.com/gofiber/fiber/v2"
)

const (
	attributePath   = "/v1/auth/attribute"
	shortLinkPrefix = "/r/"
)

// routes is the whole table. Get takes HEAD too; whatever is not here is 404, and another method on
// what is here is 405 with an Allow header.
func (s *Server) routes(app *fiber.App) {
	app.Use(s.preflight)
	app.Post(attributePath, route(s.attribute))

	app.Get("/", route(s.landing))
	app.Get(shortLinkPrefix+":code", route(s.shortLink))

	app.Get("/healthz", route(s.healthz))
	app.Get("/readyz", route(s.readyz))
}

// route hands a handler its exchange.
func route(handler func(*exchange) error) fiber.Handler {
	return func(c *fiber.Ctx) error {
		x := exchangeOf(c.Context())
		x.route = c.Route().Path
		return handler(x)
	}
}
