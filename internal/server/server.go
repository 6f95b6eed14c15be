// Package server is the browser's side of the console: the gates (session, CSRF, origin), attribute,
// the pickup of referral links, health, and one renderer for everything that is refused.
package server

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// What a client may take of the server.
const (
	maxBody = 64 << 10
	// maxHead is the read buffer, into which the request line and the headers must fit. 16 KiB are
	// promised; the rest is room for the bytes fasthttp looks at beyond them.
	maxHead      = 18 << 10
	readTimeout  = 10 * time.Second // a request, body included
	writeTimeout = 10 * time.Second
	idleTimeout  = 60 * time.Second

	defaultStoreTimeout = 2 * time.Second
)

// Config is what the operator may set about the server.
type Config struct {
	CookieDomain   string // empty: the cookies belong to this host only
	CookieSecure   auth.SecureMode
	PickupMaxAge   time.Duration
	PickupTouch    referral.Touch
	LandingURL     string         // empty: the built-in page
	CORSOrigins    []string       // as auth.ParseOrigin returns them
	TrustedProxies []netip.Prefix // whose X-Forwarded-Proto and X-Request-Id are believed
	StoreTimeout   time.Duration  // bounds the look-up of a session; 0 means two seconds
}

// Submitter decides attempts. It always has an outcome; *referral.Service implements it.
type Submitter interface {
	Submit(ctx context.Context, a referral.Attempt) referral.Outcome
}

// Deps are what the server needs of the other rooms.
type Deps struct {
	Sessions  auth.SessionStore
	Referrals Submitter
	// NotReady says in words what is not ready, for people who read /readyz; empty when all is.
	NotReady func(ctx context.Context) []string
	Observe  Observer         // nil: nobody counts
	Log      *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
}

// Server answers the console's HTTP requests. It serves one listener, once.
type Server struct {
	cfg      Config
	sessions auth.SessionStore
	referral Submitter
	notReady func(ctx context.Context) []string
	observe  Observer
	log      *slog.Logger
	now      func() time.Time
	unasked  causes // why the store could not tell

	http   *fasthttp.Server
	router fasthttp.RequestHandler
	forget struct{ plain, secure string } // the Set-Cookie values that delete ref_code

	// base is the context of all work for requests. A client that goes away does not end it; the end
	// of the shutdown's patience does.
	base    context.Context
	abandon context.CancelFunc

	conns    connections
	running  sync.RWMutex // held for reading by every request that is being answered
	stopping atomic.Bool
	mu       sync.Mutex // guards listener
	listener *listener
}

// New returns a server that is ready to Serve.
func New(cfg Config, deps Deps) *Server {
	s := &Server{
		cfg: cfg, sessions: deps.Sessions, referral: deps.Referrals,
		notReady: deps.NotReady, observe: deps.Observe, log: deps.Log, now: deps.Now,
	}
	if s.cfg.StoreTimeout <= 0 {
		s.cfg.StoreTimeout = defaultStoreTimeout
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.base, s.abandon = context.WithCancel(context.Background())
	s.conns.trustedProxies = cfg.TrustedProxies
	s.forget.plain = s.refCookie("", 0, false)
	s.forget.secure = s.refCookie("", 0, true)

	app := fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, // paths are exact
		RequestMethods:               append([]string{otherMethod}, fiber.DefaultMethods...),
		BodyLimit:                    maxBody,
		ReadBufferSize:               maxHead,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		DisablePreParseMultipartForm: true, // a broken form is a body like any other: ignored
		DisableDefaultContentType:    true, // a redirect has no text/plain in it
		DisableStartupMessage:        true,
		ErrorHandler:                 s.refuseRouted,
	})
	s.routes(app)
	s.router = app.Handler()

	s.http = app.Server()
	s.http.HeaderReceived = disarm
	s.http.Handler = s.handle
	s.http.ErrorHandler = s.refuseUnread
	s.http.CloseOnShutdown = true
	s.http.SecureErrorLogMessage = true // its messages quote the request; nobody shows them, nor should they exist
	return s
}
