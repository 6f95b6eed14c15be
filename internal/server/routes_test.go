package server_test

import (
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/server"
)

func TestPathsAndMethodsAreExact(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	rows := []struct {
		line   string
		status int
		allow  string
	}{
		{"GET /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"HEAD /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"PUT /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"DELETE /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"PATCH /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"TRACE /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"CONNECT /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"OPTIONS /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"FOO /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"post /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"OTHER /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"GET /v1/auth/attribute?ref=abc HTTP/1.1", 405, "POST"},
		{"POST / HTTP/1.1", 405, "GET, HEAD"},
		{"POST /r/abc HTTP/1.1", 405, "GET, HEAD"},
		{"FOO /r/abc HTTP/1.1", 405, "GET, HEAD"},
		{"POST /healthz HTTP/1.1", 405, "GET, HEAD"},
		{"DELETE /readyz HTTP/1.1", 405, "GET, HEAD"},
		{"OPTIONS / HTTP/1.1", 405, "GET, HEAD"},

		{"POST /v1/auth/attribute/ HTTP/1.1", 404, ""},
		{"POST /V1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/Attribute HTTP/1.1", 404, ""},
		{"POST /v1//auth/attribute HTTP/1.1", 404, ""},
		{"POST //v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth%2Fattribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribut%65 HTTP/1.1", 404, ""},
		{"POST /v1/auth/./attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/x/../attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute;x HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute#x HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute%00 HTTP/1.1", 404, ""},
		{"POST v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST http://console.test//v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /http://console.test/v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST //console.test/v1/auth/attribute HTTP/1.1", 404, ""},
		{"FOO /nowhere HTTP/1.1", 404, ""},
		{"GET /nowhere HTTP/1.1", 404, ""},
		{"HEAD /nowhere HTTP/1.1", 404, ""},
		{"GET /v1 HTTP/1.1", 404, ""},
		{"GET /v1/ HTTP/1.1", 404, ""},
		{"GET /v1/nowhere?ref=abc HTTP/1.1", 404, ""},
		{"GET /index.html?ref=abc HTTP/1.1", 404, ""},
		{"GET // HTTP/1.1", 404, ""},
		{"GET /r HTTP/1.1", 404, ""},
		{"GET /r/ HTTP/1.1", 404, ""},
		{"GET /R/abc HTTP/1.1", 404, ""},
		{"GET /r/abc/ HTTP/1.1", 404, ""},
		{"GET /r/abc/d HTTP/1.1", 404, ""},
		{"GET /r//abc HTTP/1.1", 404, ""},
		{"GET /r/abc%2Fd HTTP/1.1", 404, ""},
		{"GET /r/abc%2f HTTP/1.1", 404, ""},
		{"GET /healthz/ HTTP/1.1", 404, ""},
		{"OPTIONS * HTTP/1.1", 404, ""},
		{"CONNECT console.test:443 HTTP/1.1", 404, ""},
	}
	for _, row := range rows {
		t.Run(row.line, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a := ts.account()
			// Everything a call needs but the right path and method.
			raw := row.line + strings.TrimPrefix(post(a, "; ref_code=abc"), attributeLine)
			res := ts.ask(raw)
			tag := map[int]string{404: "not_found", 405: "method_not_allowed"}[row.status]
			res.wantError(t, row.status, tag)
			if got := res.one(t, "Allow"); got != row.allow {
				t.Errorf("Allow %q, want %q", got, row.allow)
			}
			ts.wantUntouched(t, a)
		})
	}
}

func TestAbsoluteFormOfATargetIsTheSamePath(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, target := range []string{"http://console.test/v1/auth/attribute", "HTTPS://console.test/v1/auth/attribute", "/v1/auth/attribute?u=http://x//y"} {
		ts.ask(strings.Replace(post(ts.account(), ""), "/v1/auth/attribute", target, 1)).wantOutcome(t, "no_cookie")
	}
	for _, target := range []string{"http://console.test", "http://console.test?ref=abc", "/?ref=abc&u=http://evil.example/r/x"} {
		if res := ts.ask(request("GET " + target + " HTTP/1.1")); res.status != 200 || res.body != server.LandingPage {
			t.Errorf("GET %s: %d", target, res.status)
		}
	}
}
