// Package server is the HTTP API for browsers: sessions and CSRF, attribute, the pickup of referral links, health.
package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server/httpguard"
	"github.com/triport/triport-console/internal/throttle"
)

// Config is what the operator may set about the server.
type Config struct {
	CookieDomain   string // empty: the cookies belong to this host only
	CookieSecure   auth.SecureMode
	PickupMaxAge   time.Duration
	PickupTouch    referral.Touch
	LandingURL     string         // empty: the built-in page
	CORSOrigins    []string       // as auth.ParseOrigin returns them
	TrustedProxies []netip.Prefix // whose X-Forwarded-For, X-Forwarded-Proto and X-Request-Id are believed
	StoreTimeout   time.Duration  // for the lookup of a session and for /readyz; 0 means 2 s
	ReadTimeout    time.Duration  // for a request with its body; 0 means 10 s
	// RequestsPerSecond limits the calls of a client address and of a user to the API; 0 means no limit.
	RequestsPerSecond float64
}

// Submitter decides attempts. It always has an outcome; *referral.Service implements it.
type Submitter interface {
	Submit(ctx context.Context, a referral.Attempt) referral.Outcome
}

// Deps are the other parts of the program that the server uses.
type Deps struct {
	Sessions  auth.SessionStore
	Referrals Submitter
	NotReady  func(ctx context.Context) []string // for people who read /readyz
	Observe   Observer                           // nil: requests are not counted
	Log       *slog.Logger                       // nil: nothing is logged
	Now       func() time.Time                   // nil: time.Now
}

// Server answers the HTTP requests of the console. It serves one listener, once.
type Server struct {
	*httpguard.Guard
	cfg           Config
	deps          Deps
	router        fasthttp.RequestHandler
	throttle      *throttle.Throttle // of the lines about failed session lookups
	addresses     *limiter[netip.Addr]
	users         *limiter[string]
	deleteRefCode map[bool]string // Set-Cookie values, without and with Secure
}

// New returns a server that is ready to Serve.
func New(cfg Config, deps Deps) *Server {
	cfg.StoreTimeout = cmp.Or(cfg.StoreTimeout, 2*time.Second)
	deps.Log = cmp.Or(deps.Log, slog.New(slog.DiscardHandler))
	if deps.Now == nil {
		deps.Now = time.Now
	}
	s := &Server{cfg: cfg, deps: deps, throttle: throttle.New(time.Minute)}
	s.addresses, s.users = newLimiter[netip.Addr](cfg.RequestsPerSecond), newLimiter[string](cfg.RequestsPerSecond)
	s.deleteRefCode = map[bool]string{false: s.refCookie("", 0, false), true: s.refCookie("", 0, true)}
	s.Guard = httpguard.New(httpguard.Config{
		Handler: s.handle, TrustedProxies: cfg.TrustedProxies, ReadTimeout: cfg.ReadTimeout, Log: deps.Log,
	})
	s.router = s.newRouter()
	return s
}

func (s *Server) newRouter() fasthttp.RequestHandler {
	app := fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, // paths are exact
		RequestMethods: append([]string{otherMethod}, fiber.DefaultMethods...),
		ErrorHandler:   s.renderError,
	})
	for _, route := range Routes {
		app.All(route.Path, s.dispatch(route))
	}
	app.Use(func(*fiber.Ctx) error { return errNotFound })
	return app.Handler()
}
