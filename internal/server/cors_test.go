package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/server"
)

// corsHeaders returns the Access-Control headers of an answer.
func corsHeaders(r response) map[string]string {
	headers := make(map[string]string)
	for name, values := range r.header {
		if strings.HasPrefix(name, "Access-Control-") {
			headers[name] = strings.Join(values, " | ")
		}
	}
	return headers
}

var (
	noCORS    = map[string]string{}
	readable  = map[string]string{"Access-Control-Allow-Origin": pageOrigin, "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "Retry-After, X-Request-Id"}
	preflight = map[string]string{
		"Access-Control-Allow-Origin": pageOrigin, "Access-Control-Allow-Credentials": "true", "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
		"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type, X-CSRF-Token",
		"Access-Control-Max-Age": "600",
	}
)

func TestPreflight(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	const (
		line = "OPTIONS /v1/auth/attribute HTTP/1.1"
		asks = "Access-Control-Request-Method: POST"
	)
	rows := []struct {
		name  string
		lines []string
		cors  map[string]string
	}{
		{"listed", []string{"Origin: " + pageOrigin, asks, "Access-Control-Request-Headers: content-type,x-csrf-token"}, preflight},
		{"foreign", []string{"Origin: https://evil.example", asks}, noCORS},
		{"null", []string{"Origin: null", asks}, noCORS},
		{"empty", []string{"Origin:", asks}, noCORS},
		{"own", []string{"Origin: http://console.test", asks}, noCORS},
		{"repeated", []string{"Origin: " + pageOrigin, "Origin: " + pageOrigin, asks}, noCORS},
		{"a suffix", []string{"Origin: " + pageOrigin + ".evil.example", asks}, noCORS},
		{"another scheme", []string{"Origin: http://console.example.com", asks}, noCORS},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			res := ts.ask(request(line, row.lines...))
			if res.status != 204 || res.header["Set-Cookie"] != nil || res.one(t, "Vary") != "Origin" {
				t.Errorf("%d, Vary %q", res.status, res.one(t, "Vary"))
			}
			res.wantCommon(t)
			if diff := cmp.Diff(row.cors, corsHeaders(res)); diff != "" {
				t.Error(diff)
			}
		})
	}
	ts.ask(request(line, "Origin: "+pageOrigin)).wantError(t, 405, "method_not_allowed")
	ts.ask(request(line, asks)).wantError(t, 405, "method_not_allowed")
	ts.ask(request("OPTIONS /v1/auth/attribute/ HTTP/1.1", "Origin: "+pageOrigin, asks)).wantError(t, 404, "not_found")
}

func TestListedOriginMayReadEveryAnswer(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	origin := "Origin: " + pageOrigin
	rows := map[string]string{
		"200":            post(a, "", origin),
		"401":            request(attributeLine, origin),
		"403":            post(account{Session: a.Session}, "", origin),
		"404":            request("GET /v1/nowhere HTTP/1.1", origin),
		"405":            request("PUT /v1/auth/attribute HTTP/1.1", origin),
		"unknown method": request("FOO /v1/auth/attribute HTTP/1.1", origin),
		"400":            request(attributeLine, origin, "Transfer-Encoding: banana"),
		"413":            request(attributeLine, origin, "Content-Length: 99999"),
	}
	for name, raw := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			if diff := cmp.Diff(readable, corsHeaders(ts.ask(raw))); diff != "" {
				t.Error(diff)
			}
			foreign := strings.Replace(raw, pageOrigin, "https://evil.example", 1)
			if diff := cmp.Diff(noCORS, corsHeaders(ts.ask(foreign))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoOriginIsListedByDefault(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withConfig(func(c *server.Config) { c.CORSOrigins = nil }))
	res := ts.ask(request("OPTIONS /v1/auth/attribute HTTP/1.1", "Origin: "+pageOrigin, "Access-Control-Request-Method: POST"))
	if diff := cmp.Diff(noCORS, corsHeaders(res)); res.status != 204 || diff != "" {
		t.Errorf("%d %s", res.status, diff)
	}
	ts.ask(post(ts.account(), "", "Origin: "+pageOrigin)).wantError(t, 403, "csrf_invalid")
}
