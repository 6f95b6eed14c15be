package server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/server"
)

// TestEveryAnswerHasSecurityHeaders asks for every kind of answer: an attacker chooses the kind.
func TestEveryAnswerHasSecurityHeaders(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withReadTimeout(100*time.Millisecond))
	panicking := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = panickingSessions{} }))
	failing := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = failingSessions{errors.New("broken")} }))
	a := ts.account()
	stranger := account{Session: strings.Repeat("A", 43), CSRF: "x"}
	rows := []struct {
		server *testServer
		raw    string
		status int
	}{
		{ts, request("GET / HTTP/1.1"), 200},
		{ts, request("HEAD /?ref=abc HTTP/1.1"), 200},
		{ts, request("GET /r/abc HTTP/1.1"), 302},
		{ts, request("GET /healthz HTTP/1.1"), 200},
		{ts, request("GET /readyz HTTP/1.1"), 200},
		{ts, post(a, "; ref_code=abc"), 200},
		{ts, request("OPTIONS /v1/auth/attribute HTTP/1.1", "Origin: "+pageOrigin, "Access-Control-Request-Method: POST"), 204},
		{ts, "rubbish\r\n\r\n", 400},
		{ts, request("GET / HTTP/1.1", "Host: twice"), 400},
		{ts, request(attributeLine), 401},
		{ts, request(attributeLine, cookies("nl_session="+a.Session)), 403},
		{ts, request("GET /nowhere HTTP/1.1"), 404},
		{ts, request("FOO / HTTP/1.1"), 405},
		{ts, "GET / HT", 408},
		{ts, request(attributeLine, "Content-Length: 65537"), 413},
		{ts, request("GET / HTTP/1.1", "X-Padding: "+strings.Repeat("x", 20<<10)), 431},
		{panicking, post(stranger, ""), 500},
		{failing, post(stranger, ""), 503},
	}
	for _, row := range rows {
		res := row.server.in(t).ask(row.raw)
		if res.status != row.status {
			t.Errorf("%.40q: %d, want %d", row.raw, res.status, row.status)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := res.one(t, name); got != want {
				t.Errorf("%.40q: %s %q, want %q", row.raw, name, got, want)
			}
		}
		policy := res.one(t, "Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy+";", directive+";") {
				t.Errorf("%.40q: the policy %q lacks %s", row.raw, policy, directive)
			}
		}
		page := res.one(t, "Content-Type") == "text/html; charset=utf-8"
		if sandboxed := strings.HasSuffix(policy, "; sandbox"); sandboxed == page {
			t.Errorf("%.40q: page %t, sandboxed %t", row.raw, page, sandboxed)
		}
		if got := res.one(t, "Cross-Origin-Opener-Policy"); (got == "same-origin") != page {
			t.Errorf("%.40q: page %t, Cross-Origin-Opener-Policy %q", row.raw, page, got)
		}
	}
}
