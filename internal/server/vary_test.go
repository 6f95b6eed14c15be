package server_test

import (
	"testing"

	"github.com/triport/triport-console/internal/server"
)

// A cache must not give the answer for one origin to a page of another.
func TestEveryAnswerVariesByOriginIfOriginsAreListed(t *testing.T) {
	t.Parallel()
	listed := newServer(t)
	unlisted := newServer(t, withConfig(func(c *server.Config) { c.CORSOrigins = nil }))
	for name, raw := range map[string]func(ts *testServer, lines ...string) string{
		"200":              func(ts *testServer, lines ...string) string { return post(ts.account(), "", lines...) },
		"landing page":     rawRequest("GET / HTTP/1.1"),
		"health":           rawRequest("GET /healthz HTTP/1.1"),
		"401":              rawRequest(attributeLine),
		"404":              rawRequest("GET /v1/nowhere HTTP/1.1"),
		"405":              rawRequest("PUT /v1/auth/attribute HTTP/1.1"),
		"unknown method":   rawRequest("FOO /v1/auth/attribute HTTP/1.1"),
		"rejected framing": rawRequest(attributeLine, "Transfer-Encoding: banana"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, lines := range [][]string{nil, {"Origin: " + pageOrigin}, {"Origin: https://evil.example"}} {
				ts := listed.in(t)
				if got := ts.ask(raw(ts, lines...)).one(t, "Vary"); got != "Origin" {
					t.Errorf("with %q, Vary is %q, want Origin", lines, got)
				}
			}
			ts := unlisted.in(t)
			if got := ts.ask(raw(ts)).one(t, "Vary"); got != "" {
				t.Errorf("without listed origins, Vary is %q", got)
			}
		})
	}
}

// rawRequest returns a function that makes the request with more lines.
func rawRequest(line string, first ...string) func(*testServer, ...string) string {
	return func(_ *testServer, lines ...string) string {
		return request(line, append(first[:len(first):len(first)], lines...)...)
	}
}
