package server

import (
	"cmp"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/server/httpguard"
)

const contentJSON = "application/json"

// request is one request and its answer.
type request struct {
	httpguard.Request
	method         string // otherMethod if Fiber does not know it
	start          time.Time
	route, outcome string // for the log and the observer
}

type requestKey struct{}

// requestOf returns the request that handle stored in the context.
func requestOf(ctx *fasthttp.RequestCtx) *request { return ctx.UserValue(requestKey{}).(*request) }

// otherMethod replaces the methods that Fiber does not know and would answer with a plain-text 400.
const otherMethod = "OTHER"

// handle answers every request.
func (s *Server) handle(guarded httpguard.Request) {
	r := &request{Request: guarded, method: otherMethod, start: time.Now()}
	if i := slices.Index(fiber.DefaultMethods, string(r.Method())); i >= 0 {
		r.method = fiber.DefaultMethods[i]
	}
	defer s.finish(r)
	r.SetUserValue(requestKey{}, r)
	s.allowOrigin(r)
	if r.Rejected != 0 {
		r.reject(rejections[r.Rejected])
		return
	}
	r.Request.Request.Header.SetMethod(r.method)
	s.router(r.RequestCtx)
}

// finish is deferred. It turns a panic into an answer, calls the observer and logs the request.
func (s *Server) finish(r *request) {
	if v := recover(); v != nil {
		s.logPanic(r, v)
		r.reject(errInternal)
	}
	if s.deps.Observe != nil {
		a := Answer{cmp.Or(r.route, OtherRoute), r.Response.StatusCode(), cmp.Or(r.outcome, OutcomeOK)}
		s.deps.Observe(a, time.Since(r.start))
	}
	s.deps.Log.LogAttrs(s.Context(), slog.LevelDebug, "request", slog.String("method", r.method),
		slog.String("route", r.route), slog.Int("status", r.Response.StatusCode()),
		slog.Duration("duration", time.Since(r.start)), slog.String("request_id", r.ID), slog.String("outcome", r.outcome))
}

// logPanic logs a panic. Of its value it logs only what cannot quote the request.
func (s *Server) logPanic(r *request, v any) {
	cause := fmt.Sprintf("a value of type %T", v)
	if err, ok := v.(runtime.Error); ok {
		cause = err.Error()
	}
	s.deps.Log.Error("request panicked", "request_id", r.ID, "route", r.route, "error", cause,
		"at", panicSite(), "hint", bugHint)
}

// panicSite returns the function and line that panicked, without paths.
func panicSite() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for panicked, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if panicked && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", f.Function, f.Line)
		}
		panicked = panicked || f.Function == "runtime.gopanic"
	}
	return "unknown"
}

func (r *request) respond(status int, contentType, body string) {
	r.Response.SetStatusCode(status)
	r.Response.Header.SetContentType(contentType)
	r.Response.SetBodyString(body)
}

// redirect sends the visitor to target, which must not come from the request.
func (r *request) redirect(target string) {
	r.Response.Header.Set(fasthttp.HeaderLocation, target)
	r.Response.SetStatusCode(fasthttp.StatusFound)
}
