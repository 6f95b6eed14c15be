package server

import (
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/server/httpguard"
)

// No handler of today sets a cookie and fails after that.
func TestErrorAnswerSetsNoCookie(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(h *fasthttp.ResponseHeader){
		"as a header": func(h *fasthttp.ResponseHeader) { h.Set(fasthttp.HeaderSetCookie, "ref_code=abc; Path=/") },
		"as a cookie": func(h *fasthttp.ResponseHeader) {
			var c fasthttp.Cookie
			c.SetKey("ref_code")
			h.SetCookie(&c)
		},
	} {
		ctx := new(fasthttp.RequestCtx)
		ctx.Init(new(fasthttp.Request), nil, nil)
		set(&ctx.Response.Header)
		if len(ctx.Response.Header.PeekCookie("ref_code")) == 0 {
			t.Errorf("%s: the handler set no cookie", name)
		}
		r := &request{Request: httpguard.Request{RequestCtx: ctx}}
		r.reject(errInternal)
		if got := ctx.Response.Header.PeekCookie("ref_code"); len(got) > 0 {
			t.Errorf("%s: the answer sets the cookie %s", name, got)
		}
	}
}
