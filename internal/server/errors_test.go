package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// TestAnErrorThatNobodyKnowsIsLoggedWithWhatToDo hands the renderer an error that is no refusal, which no
// handler of today returns.
func TestAnErrorThatNobodyKnowsIsLoggedWithWhatToDo(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := New(Config{}, Deps{Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx := new(fasthttp.RequestCtx)
	ctx.Init(new(fasthttp.Request), nil, nil)
	s.begin(ctx)
	app := fiber.New()
	c := app.AcquireCtx(ctx)
	defer app.ReleaseCtx(c)
	if err := s.refuseRouted(c, errors.New("nobody knows")); err != nil {
		t.Fatal(err)
	}
	if status := ctx.Response.StatusCode(); status != fasthttp.StatusInternalServerError {
		t.Errorf("it is answered %d", status)
	}
	for _, part := range []string{"level=ERROR", `msg="a request failed"`, `cause="nobody knows"`, ` do="report this line`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, &log)
		}
	}
}
