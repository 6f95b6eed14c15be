package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/server/httpguard"
)

// TestUnknownErrorIsLoggedWithAHint renders an error that is not an apiError. No handler of today returns one.
func TestUnknownErrorIsLoggedWithAHint(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := New(Config{}, Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(new(fasthttp.Request), nil, nil)
	ctx.SetUserValue(requestKey{}, &request{Request: httpguard.Request{RequestCtx: ctx}})
	app := fiber.New()
	c := app.AcquireCtx(ctx)
	defer app.ReleaseCtx(c)
	if err := s.renderError(c, errors.New("never seen")); err != nil {
		t.Fatal(err)
	}
	if status := ctx.Response.StatusCode(); status != fasthttp.StatusInternalServerError || strings.Contains(string(ctx.Response.Body()), "seen") {
		t.Errorf("the answer is %d %s", status, ctx.Response.Body())
	}
	for _, part := range []string{"level=ERROR", `msg="request failed"`, `error="never seen"`, ` hint="report this line`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, &log)
		}
	}
}
