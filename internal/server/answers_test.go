package server_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

// recorder is an Observer that keeps the answers.
type recorder struct {
	mu  sync.Mutex
	all []server.Answer
	bad []time.Duration
}

func (o *recorder) observe(a server.Answer, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, a)
	if took <= 0 || took > testTimeout {
		o.bad = append(o.bad, took)
	}
}

// take returns the answers since the last call.
func (o *recorder) take() []server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all
	o.all = nil
	return all
}

func (o *recorder) option() option {
	return withDeps(func(d *server.Deps) { d.Observe = o.observe })
}

// observed is a raw request and the one answer that the observer must get.
type observed struct {
	raw  string
	want server.Answer
}

// wantObserved sends the requests. It checks that the observer gets each answer before the client does, and that
// Answers has it. It returns what the observer got.
func (ts *testServer) wantObserved(o *recorder, rows []observed) []server.Answer {
	ts.t.Helper()
	var seen []server.Answer
	for _, row := range rows {
		ts.ask(row.raw)
		got := o.take()
		if diff := cmp.Diff([]server.Answer{row.want}, got); diff != "" {
			ts.t.Errorf("%.60q: %s", row.raw, diff)
		}
		seen = append(seen, got...)
	}
	for _, a := range seen {
		if !slices.Contains(server.Answers(), a) {
			ts.t.Errorf("%+v is not in Answers", a)
		}
	}
	if len(o.bad) > 0 {
		ts.t.Errorf("durations of %v", o.bad)
	}
	return seen
}

// TestAnswersListsEveryObservedAnswer checks that Answers has every answer, and no other.
func TestAnswersListsEveryObservedAnswer(t *testing.T) {
	t.Parallel()
	seen := slices.Concat(
		observePages(t), observeRedirects(t), observeChecks(t), observeReasons(t), observeTimeout(t), observeFailures(t), observeLimit(t))
	for _, a := range server.Answers() {
		// A bug in the other handlers cannot be triggered from outside.
		if !slices.Contains(seen, a) && a.Outcome != "internal" {
			t.Errorf("%+v was never seen", a)
		}
	}
	for i, a := range server.Answers() {
		if slices.Contains(server.Answers()[:i], a) {
			t.Errorf("%+v is listed twice", a)
		}
	}
}

func observePages(t *testing.T) []server.Answer {
	var o recorder
	return newServer(t, o.option()).wantObserved(&o, []observed{
		{request("GET / HTTP/1.1"), server.Answer{Route: "/", Status: 200, Outcome: "ok"}},
		{request("HEAD /?ref=some-code HTTP/1.1"), server.Answer{Route: "/", Status: 200, Outcome: "ok"}},
		{request("GET /?ref=some-code HTTP/1.1"), server.Answer{Route: "/", Status: 200, Outcome: "pickup"}},
		{request("GET /r/some-code HTTP/1.1"), server.Answer{Route: "/r/:code", Status: 302, Outcome: "pickup"}},
		{request("GET /r/x HTTP/1.1"), server.Answer{Route: "/r/:code", Status: 302, Outcome: "ok"}},
		{request("GET /r/some%2fcode HTTP/1.1"), server.Answer{Route: "/r/:code", Status: 404, Outcome: "not_found"}},
		{request("GET /healthz HTTP/1.1"), server.Answer{Route: "/healthz", Status: 200, Outcome: "ok"}},
		{request("GET /readyz HTTP/1.1"), server.Answer{Route: "/readyz", Status: 200, Outcome: "ok"}},
		{request("GET /some/path HTTP/1.1"), server.Answer{Route: "other", Status: 404, Outcome: "not_found"}},
		{request("DELETE /v1/auth/attribute HTTP/1.1"), server.Answer{Route: "other", Status: 405, Outcome: "method_not_allowed"}},
		{request("NONSENSE / HTTP/1.1"), server.Answer{Route: "other", Status: 405, Outcome: "method_not_allowed"}},
		{"nonsense\r\n\r\n", server.Answer{Route: "other", Status: 400, Outcome: "bad_request"}},
		{request("GET / HTTP/1.1", "Content-Length: 0", "Content-Length: 0"), server.Answer{Route: "other", Status: 400, Outcome: "bad_request"}},
		{request("GET / HTTP/1.1", "Cookie: "+strings.Repeat("a", 20<<10)), server.Answer{Route: "other", Status: 431, Outcome: "headers_too_large"}},
		{request("POST / HTTP/1.1", "Content-Length: 70000"), server.Answer{Route: "other", Status: 413, Outcome: "payload_too_large"}},
	})
}

func observeRedirects(t *testing.T) []server.Answer {
	var o recorder
	ts := newServer(t, o.option(), withConfig(func(c *server.Config) { c.LandingURL = "https://example.com/" }))
	return ts.wantObserved(&o, []observed{
		{request("GET / HTTP/1.1"), server.Answer{Route: "/", Status: 302, Outcome: "ok"}},
		{request("GET /?ref=some-code HTTP/1.1"), server.Answer{Route: "/", Status: 302, Outcome: "pickup"}},
	})
}

func observeChecks(t *testing.T) []server.Answer {
	var o recorder
	ts := newServer(t, o.option())
	a, ann := ts.account(), ts.account()
	answer := func(status int, outcome string) server.Answer {
		return server.Answer{Route: "/v1/auth/attribute", Status: status, Outcome: outcome}
	}
	session := "Cookie: nl_session=" + a.Session
	return ts.wantObserved(&o, []observed{
		{request(attributeLine), answer(401, "unauthenticated")},
		{request(attributeLine, session), answer(403, "csrf_missing")},
		{request(attributeLine, session, "X-CSRF-Token: wrong"), answer(403, "csrf_invalid")},
		{post(a, "", "Origin: https://elsewhere.example.com"), answer(403, "csrf_invalid")},
		{request("OPTIONS /v1/auth/attribute HTTP/1.1", "Origin: "+pageOrigin, "Access-Control-Request-Method: POST"), answer(204, "preflight")},
		{post(a, "; ref_code="+ann.Code), answer(200, "attributed")},
		{post(a, "; ref_code="+ann.Code), answer(200, "already_attributed")},
	})
}

func observeReasons(t *testing.T) []server.Answer {
	var o recorder
	reasons := make(chan referral.Reason, 1)
	ts := newServer(t, o.option(), withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(context.Context, referral.Attempt) referral.Outcome {
			return referral.Outcome{Reason: <-reasons}
		})
	}))
	a := ts.account()
	var seen []server.Answer
	for _, r := range referral.Reasons {
		reasons <- r.Reason
		seen = append(seen, ts.wantObserved(&o, []observed{
			{post(a, "; ref_code=some-code"), server.Answer{Route: "/v1/auth/attribute", Status: 200, Outcome: string(r.Reason)}},
		})...)
	}
	return seen
}

func observeTimeout(t *testing.T) []server.Answer {
	var o recorder
	ts := newServer(t, o.option(), withReadTimeout(50*time.Millisecond))
	return ts.wantObserved(&o, []observed{
		{"GET / HTTP/1.1\r\n", server.Answer{Route: "other", Status: 408, Outcome: "request_timeout"}},
	})
}

func observeFailures(t *testing.T) []server.Answer {
	var o recorder
	ts := newServer(t, o.option(), withDeps(func(d *server.Deps) {
		d.Sessions = panickingSessions{}
		d.NotReady = func(context.Context) []string { return []string{"the disk is gone"} }
	}))
	seen := ts.wantObserved(&o, []observed{
		{request("GET /readyz HTTP/1.1"), server.Answer{Route: "/readyz", Status: 503, Outcome: "unavailable"}},
		{request(attributeLine, "Cookie: nl_session="+strings.Repeat("A", 43)),
			server.Answer{Route: "/v1/auth/attribute", Status: 500, Outcome: "internal"}},
	})
	ts = newServer(t, o.option())
	a := ts.account()
	if err := ts.store.Close(); err != nil {
		t.Fatal(err)
	}
	return append(seen, ts.wantObserved(&o, []observed{
		{post(a, ""), server.Answer{Route: "/v1/auth/attribute", Status: 503, Outcome: "unavailable"}},
	})...)
}

func observeLimit(t *testing.T) []server.Answer {
	var o recorder
	ts := newServer(t, o.option(), withConfig(func(c *server.Config) { c.RequestsPerSecond = 0.01 }))
	return ts.wantObserved(&o, []observed{
		{request(attributeLine), server.Answer{Route: "/v1/auth/attribute", Status: 401, Outcome: "unauthenticated"}},
		{request(attributeLine), server.Answer{Route: "/v1/auth/attribute", Status: 429, Outcome: "rate_limited"}},
	})
}
