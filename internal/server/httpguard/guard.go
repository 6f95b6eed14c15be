// Package httpguard makes a fasthttp server fit for a network. It rejects requests that could be read in two ways,
// limits what a client may take, keeps file descriptors for the rest of the process, and stops without losing a
// request that is being answered. It knows no route, no session and no error body.
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
	maxBody = 64 << 10
	// maxHeaders is the size of the read buffer, which must hold the request line and the headers. 16 KiB are
	// promised. The rest is for the bytes that fasthttp looks at beyond them.
	maxHeaders   = 18 << 10
	readTimeout  = 10 * time.Second // body included
	writeTimeout = 10 * time.Second
	idleTimeout  = 60 * time.Second
)

// After the deadline of a shutdown, the requests that still run get this time. An attempt that the store did not take
// is written to the spool, in two seconds at most, and its answer is sent.
const (
	abandonGrace = 3 * time.Second
	answerGrace  = 200 * time.Millisecond
)

// Config configures a Guard.
type Config struct {
	// Handler answers every request, also the rejected ones. It must not panic.
	Handler        func(Request)
	TrustedProxies []netip.Prefix // whose X-Forwarded-Proto and X-Request-Id are believed
	ReadTimeout    time.Duration  // for a request with its body; 0 means 10 s
	Log            *slog.Logger
}

// Guard serves one listener, once.
type Guard struct {
	handler func(Request)
	log     *slog.Logger
	http    *fasthttp.Server
	conns   connections
	running sync.RWMutex // read-locked by every request that is being answered

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
		Handler: g.handle, ErrorHandler: g.handleUnread, HeaderReceived: disarm,
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

// Context is the context for the work of all requests. A client that disconnects does not end it. Shutdown ends it
// after its deadline.
func (g *Guard) Context() context.Context { return g.work }

// Stopping reports whether Shutdown has begun.
func (g *Guard) Stopping() bool { return g.stopping.Err() != nil }

// Connections returns the number of open connections.
func (g *Guard) Connections() int { return g.conns.count() }

// Serve answers requests on ln, which it closes, until Shutdown. It then returns nil at once, while Shutdown still
// waits for the requests that are being answered.
func (g *Guard) Serve(ln net.Listener) error {
	l := newListener(ln, &g.conns, g.log)
	if g.Stopping() {
		return l.Close()
	}
	context.AfterFunc(g.stopping, func() { _ = l.Close() })
	if err := g.http.Serve(l); err != nil {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting, closes idle connections, and lets running requests finish until ctx ends. Then it ends
// their Context, gives them a few seconds more, closes all connections, and returns the error of ctx.
func (g *Guard) Shutdown(ctx context.Context) error {
	g.stop()
	// fasthttp closes connections that are idle between two requests. For one that never sent a byte it would wait
	// until the read timeout.
	g.conns.each((*conn).hurryIfSilent)
	err := g.http.ShutdownWithContext(ctx)
	g.abandon()
	if err != nil {
		if g.waitForRunning(abandonGrace) {
			g.conns.waitUntilNone(answerGrace)
		}
		err = fmt.Errorf("requests were still being answered: %w", err)
	}
	g.conns.each(func(c *conn) { _ = c.Conn.Close() })
	return err
}

// waitForRunning waits until no request is being answered. It reports false if that takes longer than limit.
func (g *Guard) waitForRunning(limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	go func() {
		g.running.Lock()
		defer g.running.Unlock()
		cancel()
	}()
	<-ctx.Done()
	return errors.Is(ctx.Err(), context.Canceled)
}

// handle answers a request that fasthttp could read.
func (g *Guard) handle(ctx *fasthttp.RequestCtx) {
	rejected := 0
	if string(ctx.Request.Header.Protocol()) == ambiguous {
		rejected = fasthttp.StatusBadRequest
	}
	g.answer(ctx, rejected)
}

// handleUnread answers a request that fasthttp could not read; fasthttp then closes the connection. The text of the
// error is neither logged nor shown: it may quote the request, cookies included.
func (g *Guard) handleUnread(ctx *fasthttp.RequestCtx, err error) {
	rejected := fasthttp.StatusBadRequest
	c, _ := ctx.Conn().(*conn)
	switch {
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		rejected = fasthttp.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		rejected = fasthttp.StatusRequestEntityTooLarge
	case c != nil && c.timedOut:
		rejected = fasthttp.StatusRequestTimeout
	}
	g.answer(ctx, rejected)
}

func (g *Guard) answer(ctx *fasthttp.RequestCtx, rejected int) {
	g.running.RLock()
	defer g.running.RUnlock()
	c, _ := ctx.Conn().(*conn)
	r := newRequest(ctx, rejected, c != nil && c.trusted)
	r.Response.Header.Set("X-Request-Id", r.ID)
	SetSecurityHeaders(&r.Response.Header)
	g.handler(r)
	if g.Stopping() {
		ctx.SetConnectionClose()
	}
	if c != nil && rejected != 0 && rejected != fasthttp.StatusRequestTimeout {
		c.linger = true
	}
}
