package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// exchange is one request and its answer. Its bytes are fasthttp's and change under whoever keeps
// them past the answer: copy at the edge.
type exchange struct {
	*fasthttp.RequestCtx
	head        head
	path, query []byte // raw
	id          string // the request id
	trusted     bool   // the peer is a trusted proxy

	// For the log and the observer.
	began   time.Time
	route   string
	outcome string
}

type exchangeKey struct{}

// exchangeOf returns the exchange that begin made for the request. The router in between knows
// nothing of it.
func exchangeOf(ctx *fasthttp.RequestCtx) *exchange {
	return ctx.UserValue(exchangeKey{}).(*exchange)
}

// otherMethod stands in for the methods Fiber does not know, which it would answer itself, with a
// plain-text 400. No route takes it, so it is 404 or 405 like any other wrong method.
const otherMethod = "OTHER"

// handle answers every request that fasthttp could read.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	s.running.RLock()
	defer s.running.RUnlock()
	x := s.begin(ctx)
	defer s.end(x)
	if !wellFramed(&ctx.Request.Header) {
		x.refuse(errBadRequest)
		lingerOn(ctx)
		return
	}
	if !slices.Contains(fiber.DefaultMethods, string(ctx.Method())) {
		ctx.Request.Header.SetMethod(otherMethod)
	}
	// The router is given the path as it came: what fasthttp takes for it is another host's path in
	// `//host/path`, and depends on the query in `/?u=http://host/path`.
	ctx.URI().SetPathBytes(x.path)
	s.router(ctx)
}

// begin makes the exchange and gives its answer the headers every answer has.
func (s *Server) begin(ctx *fasthttp.RequestCtx) *exchange {
	x := &exchange{RequestCtx: ctx, head: head(ctx.Request.Header.RawHeaders()), began: time.Now()}
	if c, ok := ctx.Conn().(*conn); ok {
		x.trusted = c.trusted
	}
	x.id = requestID(x.head, x.trusted)
	x.path, x.query = splitTarget(ctx.Request.Header.RequestURI())
	ctx.SetUserValue(exchangeKey{}, x)

	h := &ctx.Response.Header
	h.Set("X-Request-Id", x.id)
	h.Set(fasthttp.HeaderCacheControl, "no-store")
	Guard(h)
	s.allowOrigin(x)
	return x
}

// end is deferred: it turns a panic into an answer, tells the observer and logs the request.
func (s *Server) end(x *exchange) {
	if v := recover(); v != nil {
		s.logPanic(x, v)
		x.refuse(errInternal)
	}
	if s.stopping.Load() {
		x.SetConnectionClose()
	}
	s.tell(x)
	if !s.log.Enabled(s.base, slog.LevelDebug) {
		return
	}
	method := string(x.Method())
	if !slices.Contains(fiber.DefaultMethods, method) {
		method = otherMethod
	}
	s.log.LogAttrs(s.base, slog.LevelDebug, "request",
		slog.String("method", method), slog.String("route", x.route),
		slog.Int("status", x.Response.StatusCode()), slog.Duration("duration", time.Since(x.began)),
		slog.String("request_id", x.id), slog.String("outcome", x.outcome))
}

// logPanic logs where it happened, and of the value only what cannot quote the request.
func (s *Server) logPanic(x *exchange, v any) {
	cause := fmt.Sprintf("a value of type %T", v)
	if err, ok := v.(runtime.Error); ok {
		cause = err.Error()
	}
	s.log.Error("a request panicked", "request_id", x.id, "route", x.route, "cause", cause, "at", panicSite(), "do", reportIt)
}

// panicSite names the function and the line that panicked: enough to find it, and no stack or path,
// which have no place in a log.
func panicSite() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicked := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(f.Function, "runtime."):
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

const contentJSON = "application/json"

func (x *exchange) respond(status int, contentType string, body []byte) {
	x.Response.SetStatusCode(status)
	x.Response.Header.SetContentType(contentType)
	x.Response.SetBody(body)
}
