package server

import (
	"bufio"
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

type oneSession struct {
	session auth.Session
}

func (o oneSession) FindSession(context.Context, auth.Hash) (auth.Session, error) {
	return o.session, nil
}

type agreeing struct{}

func (agreeing) Attribute(context.Context, referral.Attempt) referral.Outcome {
	return referral.Outcome{Attributed: true}
}

// BenchmarkAttribute is what the server adds to a call: everything but the network and the store.
func BenchmarkAttribute(b *testing.B) {
	for _, tt := range []struct{ name, cookie string }{{"with a code", "; ref_code=some-code"}, {"no_cookie", ""}} {
		b.Run(tt.name, func(b *testing.B) { benchmarkAttribute(b, tt.cookie) })
	}
}

func benchmarkAttribute(b *testing.B, cookie string) {
	now := time.Now()
	tokens, session, err := auth.NewSession(rand.Reader, "11111111-1111-4111-8111-111111111111", now, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	s := New(Config{}, Deps{Sessions: oneSession{session}, Referrals: agreeing{}})
	raw := "POST /v1/auth/attribute HTTP/1.1\r\nHost: api.example.com\r\nCookie: nl_session=" + tokens.Session +
		"; nl_csrf=" + tokens.CSRF + cookie + "\r\nX-CSRF-Token: " + tokens.CSRF +
		"\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
	var ctx fasthttp.RequestCtx
	ctx.Init(&fasthttp.Request{}, nil, nil)
	if err := ctx.Request.Header.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		s.handle(&ctx)
		if ctx.Response.StatusCode() != fasthttp.StatusOK {
			b.Fatalf("%d %s", ctx.Response.StatusCode(), ctx.Response.Body())
		}
	}
}
