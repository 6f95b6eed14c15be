package server_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

func trusting(prefix string) option {
	return withConfig(func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(prefix)} })
}

const setRefCode = "ref_code=CODE; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"

func TestPickup(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	known := ts.account().Code
	rows := []struct {
		line  string
		code  string // in the cookie that is set; empty: none is set
		lines []string
	}{
		{line: "GET /?ref=unknown-code HTTP/1.1", code: "unknown-code"},
		{line: "GET /?ref=" + known + " HTTP/1.1", code: known},
		{line: "GET /?ref=ABC-Def HTTP/1.1", code: "abc-def"},
		{line: "GET /?utm=x&ref=abc&utm=y HTTP/1.1", code: "abc"},
		{line: "GET /?ref=abc&ref=def HTTP/1.1", code: "abc"},
		{line: "GET /?&&ref=abc HTTP/1.1", code: "abc"},
		{line: "GET http://console.test/?ref=abc HTTP/1.1", code: "abc"},
		{line: "GET /?ref=abc HTTP/1.0", code: "abc"},
		{line: "GET /?ref=abc HTTP/1.1", code: "abc", lines: []string{"Cookie: ref_code=older"}},
		{line: "GET /?ref=abc HTTP/1.1", code: "abc", lines: []string{"Purpose: prefetched", "Sec-Purpose: x;prefetch"}},
		{line: "GET /r/abc HTTP/1.1", code: "abc"},
		{line: "GET /r/ABC?ref=def HTTP/1.1", code: "abc"},
		{line: "GET /r/%41bc?ref=def HTTP/1.1", code: "def"},

		{line: "GET / HTTP/1.1"},
		{line: "GET /? HTTP/1.1"},
		{line: "GET /?ref HTTP/1.1"},
		{line: "GET /?ref= HTTP/1.1"},
		{line: "GET /?ref=&ref=abc HTTP/1.1"},
		{line: "GET /?ref&ref=abc HTTP/1.1"},
		{line: "GET /?ref=ab HTTP/1.1"},
		{line: "GET /?ref=-abc HTTP/1.1"},
		{line: "GET /?ref=" + strings.Repeat("a", 33) + " HTTP/1.1"},
		{line: "GET /?ref=caf%C3%A9 HTTP/1.1"},
		{line: "GET /?ref=café HTTP/1.1"},
		{line: "GET /?ref=%61bc HTTP/1.1"},
		{line: "GET /?ref=abc+ HTTP/1.1"},
		{line: "GET /?ref=abc%20 HTTP/1.1"},
		{line: "GET /?ref=abc;x HTTP/1.1"},
		{line: "GET /?ref=abc%0d%0aSet-Cookie:x=y HTTP/1.1"},
		{line: "GET /?ref=abc#x HTTP/1.1"},
		{line: "GET /?ref=abc=def HTTP/1.1"},
		{line: "GET /?r%65f=abc HTTP/1.1"},
		{line: "GET /?Ref=abc HTTP/1.1"},
		{line: "GET /?xref=abc HTTP/1.1"},
		{line: "GET /?ref[]=abc HTTP/1.1"},
		{line: "GET /?ref=abc HTTP/1.1", lines: []string{"Sec-Purpose: prefetch"}},
		{line: "GET /?ref=abc HTTP/1.1", lines: []string{"Sec-Purpose: prefetch;prerender"}},
		{line: "GET /?ref=abc HTTP/1.1", lines: []string{"purpose:  Prefetch "}},
		{line: "GET /r/abc HTTP/1.1", lines: []string{"Purpose: prefetch"}},
		{line: "HEAD /?ref=abc HTTP/1.1"},
		{line: "HEAD /r/abc HTTP/1.1"},
		{line: "GET /r/%41bc HTTP/1.1"},
		{line: "GET /r/ab HTTP/1.1"},
		{line: "GET /r/ab?ref=ab HTTP/1.1"},
	}
	for _, row := range rows {
		t.Run(row.line+strings.Join(row.lines, " "), func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			res := ts.ask(request(row.line, row.lines...))
			res.wantCommon(t)
			want := ""
			if row.code != "" {
				want = strings.Replace(setRefCode, "CODE", row.code, 1)
			}
			if got := res.one(t, "Set-Cookie"); got != want {
				t.Errorf("Set-Cookie %q, want %q", got, want)
			}
			if strings.Contains(row.line, "/r/") {
				if res.status != 302 || res.one(t, "Location") != "/" || res.body != "" {
					t.Errorf("%d to %q, want 302 to /", res.status, res.one(t, "Location"))
				}
				return
			}
			if res.status != 200 || res.one(t, "Content-Type") != "text/html; charset=utf-8" || res.one(t, "Location") != "" {
				t.Errorf("%d %q, want the page", res.status, res.header)
			}
			if strings.HasPrefix(row.line, "GET") && res.body != server.LandingPage {
				t.Error("the page differs from the built-in one")
			}
		})
	}
}

func TestTouchFirstKeepsAWellFormedCookie(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withConfig(func(c *server.Config) { c.PickupTouch = referral.TouchFirst }))
	rows := []struct {
		cookie string
		isSet  bool
	}{
		{"Cookie: a=b", true},
		{"Cookie: ref_code=", true},
		{`Cookie: ref_code="older"`, true},
		{"Cookie: ref_code=%%%", true},
		{"Cookie: ref_code=older", false},
		{"Cookie: ref_code=%%%; ref_code=OLDER", false},
	}
	for _, row := range rows {
		for _, path := range []string{"/?ref=newer", "/r/newer"} {
			res := ts.ask(request("GET "+path+" HTTP/1.1", row.cookie))
			if got := res.one(t, "Set-Cookie") != ""; got != row.isSet {
				t.Errorf("%s with %s: cookie set: %t, want %t", path, row.cookie, got, row.isSet)
			}
		}
	}
}

func TestLandingURLIsTheOnlyRedirectTarget(t *testing.T) {
	t.Parallel()
	const landing = "https://www.example.com/welcome?from=console"
	ts := newServer(t, withConfig(func(c *server.Config) { c.LandingURL = landing }))
	for _, target := range []string{"/", "/?ref=abc", "/r/abc", "/?ref=abc&next=https://evil.example", "/r/abc?url=//evil.example", "/r/%5cevil.example"} {
		res := ts.ask(request("GET "+target+" HTTP/1.1", "X-Forwarded-Host: evil.example"))
		if res.status != 302 || res.one(t, "Location") != landing || res.body != "" || res.one(t, "Content-Type") != "" {
			t.Errorf("%s: %d to %q, %q", target, res.status, res.one(t, "Location"), res.body)
		}
		if got, want := res.one(t, "Set-Cookie") != "", strings.Contains(target, "abc"); got != want {
			t.Errorf("%s: cookie set: %t, want %t", target, got, want)
		}
	}
}

func TestLandingPageLoadsNothing(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	res := ts.ask(request("GET / HTTP/1.1"))
	if csp := res.one(t, "Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
		if got := res.one(t, name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	for _, forbidden := range []string{"<script", "src=", "url(", "@import", "<form", " style="} {
		if strings.Contains(res.body, forbidden) {
			t.Errorf("the page has %q", forbidden)
		}
	}
	for _, needed := range []string{`<html lang="en">`, "<title>", `name="viewport"`, "<main>", "<h1>", "prefers-color-scheme"} {
		if !strings.Contains(res.body, needed) {
			t.Errorf("the page lacks %q", needed)
		}
	}
}

func TestPickupAndItsDeletionHaveTheSameAttributes(t *testing.T) {
	t.Parallel()
	const https, http = "X-Forwarded-Proto: https", "X-Forwarded-Proto: http"
	rows := []struct {
		name   string
		mode   auth.SecureMode
		proxy  string
		lines  []string
		secure bool
	}{
		{"auto, plain", auth.SecureAuto, "127.0.0.1/32", nil, false},
		{"auto, HTTPS at the proxy", auth.SecureAuto, "127.0.0.1/32", []string{https}, true},
		{"auto, in capitals", auth.SecureAuto, "127.0.0.1/32", []string{"x-forwarded-proto:HTTPS"}, true},
		{"auto, the first of several", auth.SecureAuto, "127.0.0.1/32", []string{"X-Forwarded-Proto: https, http", http}, true},
		{"auto, http first", auth.SecureAuto, "127.0.0.1/32", []string{"X-Forwarded-Proto: http, https", https}, false},
		{"auto, HTTP at the proxy", auth.SecureAuto, "127.0.0.1/32", []string{http}, false},
		{"auto, not a proxy", auth.SecureAuto, "10.0.0.0/8", []string{https}, false},
		{"always", auth.SecureAlways, "10.0.0.0/8", nil, true},
		{"never", auth.SecureNever, "127.0.0.1/32", []string{https}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := newServer(t, trusting(row.proxy), withConfig(func(c *server.Config) {
				c.CookieSecure, c.CookieDomain, c.PickupMaxAge = row.mode, "example.com", time.Hour
			}))
			tail := "; HttpOnly; SameSite=Lax"
			if row.secure {
				tail = "; HttpOnly; Secure; SameSite=Lax"
			}
			if got, want := ts.ask(request("GET /?ref=abc HTTP/1.1", row.lines...)).one(t, "Set-Cookie"),
				"ref_code=abc; Path=/; Domain=example.com; Max-Age=3600"+tail; got != want {
				t.Errorf("the cookie is %q, want %q", got, want)
			}
			if got, want := ts.ask(post(ts.account(), "", row.lines...)).one(t, "Set-Cookie"),
				"ref_code=; Path=/; Domain=example.com; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"+tail; got != want {
				t.Errorf("it is deleted with %q, want %q", got, want)
			}
		})
	}
}
