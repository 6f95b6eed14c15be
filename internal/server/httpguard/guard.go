// Package httpguard protects a fasthttp server from hostile clients. It rejects ambiguous requests, limits what a
// client may take, and stops without losing a request that is being answered.
package httpguard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// The limits of one request.
const (
	maxBody      = 64 << 10
	maxHeaders   = 18 << 10         // 16 KiB are promised, fasthttp reads ahead
	readTimeout  = 10 * time.Second // body included
	writeTimeout = 10 * time.Second
	idleTimeout  = 60 * time.Second
)

// Running requests get this time after the deadline of a shutdown.
const (
	abandonGrace = 3 * time.Second // writing an attempt to the spool takes two seconds at most
	answerGrace  = 200 * time.Millisecond
)

// Config configures a Guard.
type Config struct {
	Handler        func(Request)  // answers also the rejected requests; must not panic
	TrustedProxies []netip.Prefix // whose X-Forwarded-For, X-Forwarded-Proto and X-Request-Id are believed
	ReadTimeout    time.Duration  // for a request with its body; 0 means 10 s
	Log            *slog.Logger
}

// Guard serves one listener, once.
type Guard struct {
	handler  func(Request)
	log      *slog.Logger
	http     *fasthttp.Server
	conns    *connections
	running  sync.RWMutex    // read-locked by every request that is being answered
	stopping context.Context // ends when Shutdown begins
	stop     context.CancelFunc
	work     context.Context // see Context
	abandon  context.CancelFunc
}

// New returns a Guard that is ready to Serve.
func New(cfg Config) *Guard {
	g := &Guard{handler: cfg.Handler, log: cfg.Log}
	g.stopping, g.stop = context.WithCancel(context.Background())
	g.work, g.abandon = context.WithCancel(context.Background())
	g.conns = newConnections(g.stopping, cfg.TrustedProxies)
	g.http = &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) { g.answer(ctx, nil) }, ErrorHandler: g.answer, HeaderReceived: disarm,
		MaxRequestBodySize: maxBody, ReadBufferSize: maxHeaders,
		ReadTimeout: cmp.Or(cfg.ReadTimeout, readTimeout), WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		DisablePreParseMultipartForm: true, // a broken form is a body like any other
		NoDefaultContentType:         true, // a redirect has no content
		NoDefaultServerHeader:        true,
		CloseOnShutdown:              true,
		// Its log lines quote requests, cookies included.
		SecureErrorLogMessage: true, Logger: log.New(io.Discard, "", 0),
	}
	return g
}

// Context is the context of all requests. A client that disconnects does not end it. Shutdown ends it last.
func (g *Guard) Context() context.Context { return g.work }

// Stopping reports whether Shutdown has begun.
func (g *Guard) Stopping() bool { return g.stopping.Err() != nil }

// Connections returns the number of open connections.
func (g *Guard) Connections() int { return g.conns.count() }

// Serve answers requests on ln, which it closes, until Shutdown begins. It then returns nil at once.
func (g *Guard) Serve(ln net.Listener) error {
	l := newListener(ln, g.conns, g.log)
	if g.Stopping() {
		return l.Close()
	}
	context.AfterFunc(g.stopping, func() { _ = l.Close() })
	if err := g.http.Serve(l); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting and lets running requests finish until ctx ends. It also answers a request that arrives on an
// open connection within a second (half of the time until ctx ends, if that is less), and closes the connection after it.
// Then it ends the Context, gives requests a few seconds more, closes all connections, and returns the error of ctx.
func (g *Guard) Shutdown(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		g.conns.lastCall.Store(int64(min(lastCall, max(0, time.Until(deadline)/2))))
	}
	g.stop()
	g.conns.each((*conn).hurryIfWaiting)
	g.conns.waitUntilNone(ctx) // fasthttp would close idle connections at once, and reset a request on its way
	err := g.http.ShutdownWithContext(ctx)
	g.abandon()
	if err != nil {
		finished := make(chan struct{})
		go func() {
			g.running.Lock()
			defer g.running.Unlock()
			close(finished)
		}()
		select {
		case <-finished:
			written, cancel := context.WithTimeout(context.Background(), answerGrace)
			defer cancel()
			g.conns.waitUntilNone(written)
		case <-time.After(abandonGrace):
		}
		err = fmt.Errorf("requests were still being answered: %w", err)
	}
	g.conns.each(func(c *conn) { _ = c.Conn.Close() })
	return err
}

// answer answers a request. If fasthttp could not read it, err says why and fasthttp closes the connection. The text of
// err is neither logged nor shown: it may quote the request, cookies included.
func (g *Guard) answer(ctx *fasthttp.RequestCtx, err error) {
	g.running.RLock()
	defer g.running.RUnlock()
	c := ctx.Conn().(*conn)
	r := newRequest(ctx, rejection(ctx, c, err), c)
	r.Response.Header.Set("X-Request-Id", r.ID)
	for _, h := range securityHeaders {
		r.Response.Header.SetCanonical(h.name, h.value)
	}
	g.handler(r)
	if !c.next(len(ctx.Request.Body())) || g.Stopping() {
		ctx.SetConnectionClose()
	}
	c.linger = r.Rejected != 0 && r.Rejected != fasthttp.StatusRequestTimeout
}

// rejection returns the status of a request that must be rejected, or else 0.
func rejection(ctx *fasthttp.RequestCtx, c *conn, err error) int {
	switch {
	case c.lines.bad, string(ctx.Request.Header.Protocol()) == ambiguous:
		return fasthttp.StatusBadRequest
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		return fasthttp.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return fasthttp.StatusRequestEntityTooLarge
	case err != nil && c.timedOut:
		return fasthttp.StatusRequestTimeout
	case err != nil:
		return fasthttp.StatusBadRequest
	}
	return 0
}

// securityHeaders make a browser treat an answer as nothing but what it is. Every answer has them: an attacker chooses
// which one a browser gets. The policy is for text: it loads, runs, sends and frames nothing, and has no origin.
var securityHeaders = []struct{ name, value []byte }{
	{[]byte(fasthttp.HeaderCacheControl), []byte("no-store")},
	{[]byte(fasthttp.HeaderXContentTypeOptions), []byte("nosniff")},
	{[]byte(fasthttp.HeaderContentSecurityPolicy),
		[]byte("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox")},
	{[]byte(fasthttp.HeaderReferrerPolicy), []byte("no-referrer")},
	// No page can embed the answer as an image or a script, or fetch it without CORS.
	{[]byte(fasthttp.HeaderCrossOriginResourcePolicy), []byte("same-origin")},
}
