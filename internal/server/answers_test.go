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

// answers remembers what an observer was told.
type answers struct {
	mu  sync.Mutex
	all []server.Answer
	bad []time.Duration
}

func (o *answers) observe(a server.Answer, took time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, a)
	if took <= 0 || took > testTimeout {
		o.bad = append(o.bad, took)
	}
}

// take returns what was told since the last call.
func (o *answers) take() []server.Answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all
	o.all = nil
	return all
}

func (o *answers) option() option {
	return withDeps(func(d *server.Deps) { d.Observe = o.observe })
}

// observed is a raw request and the one answer the observer must be told of.
type observed struct {
	raw  string
	want server.Answer
}

// wantObserved sends the requests, and demands that each is told before its answer is there, that each is
// in the vocabulary, and returns what was told.
func (ts *testServer) wantObserved(o *answers, rows []observed) []server.Answer {
	ts.t.Helper()
	var told []server.Answer
	for _, row := range rows {
		ts.ask(row.raw)
		got := o.take()
		if diff := cmp.Diff([]server.Answer{row.want}, got); diff != "" {
			ts.t.Errorf("%.60q: %s", row.raw, diff)
		}
		told = append(told, got...)
	}
	for _, a := range told {
		if !slices.Contains(server.Answers(), a) {
			ts.t.Errorf("%+v is none of Answers", a)
		}
	}
	if len(o.bad) > 0 {
		ts.t.Errorf("durations of %v", o.bad)
	}
	return told
}

// TestTheObserverIsToldOfEveryAnswerInFixedWords demands, with the tests below, that Answers is neither
// too short nor too long.
func TestTheObserverIsToldOfEveryAnswerInFixedWords(t *testing.T) {
	t.Parallel()
	told := slices.Concat(
		observePages(t), observeRedirects(t), observeGates(t), observeReasons(t), observeTimeout(t), observeSickness(t))
	for _, a := range server.Answers() {
		// A fault of the program in the other handlers cannot be called up from outside.
		if !slices.Contains(told, a) && a.Outcome != "internal" {
			t.Errorf("%+v was never told", a)
		}
	}
	for i, a := range server.Answers() {
		if slices.Contains(server.Answers()[:i], a) {
			t.Errorf("%+v is there twice", a)
		}
	}
}

func observePages(t *testing.T) []server.Answer {
	var o answers
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
	var o answers
	ts := newServer(t, o.option(), withConfig(func(c *server.Config) { c.LandingURL = "https://example.com/" }))
	return ts.wantObserved(&o, []observed{
		{request("GET / HTTP/1.1"), server.Answer{Route: "/", Status: 302, Outcome: "ok"}},
		{request("GET /?ref=some-code HTTP/1.1"), server.Answer{Route: "/", Status: 302, Outcome: "pickup"}},
	})
}

func observeGates(t *testing.T) []server.Answer {
	var o answers
	ts := newServer(t, o.option())
	a, ann := ts.account(), ts.account()
	refused := func(status int, outcome string) server.Answer {
		return server.Answer{Route: "/v1/auth/attribute", Status: status, Outcome: outcome}
	}
	session := "Cookie: nl_session=" + a.Session
	return ts.wantObserved(&o, []observed{
		{request(attributeLine), refused(401, "unauthenticated")},
		{request(attributeLine, session), refused(403, "csrf_missing")},
		{request(attributeLine, session, "X-CSRF-Token: wrong"), refused(403, "csrf_invalid")},
		{post(a, "", "Origin: https://elsewhere.example.com"), refused(403, "csrf_invalid")},
		{request("OPTIONS /v1/auth/attribute HTTP/1.1", "Origin: "+pageOrigin, "Access-Control-Request-Method: POST"), refused(204, "preflight")},
		{post(a, "; ref_code="+ann.Code), refused(200, "attributed")},
		{post(a, "; ref_code="+ann.Code), refused(200, "already_attributed")},
	})
}

func observeReasons(t *testing.T) []server.Answer {
	var o answers
	reasons := make(chan referral.Reason, 1)
	ts := newServer(t, o.option(), withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(context.Context, referral.Attempt) referral.Outcome {
			return referral.Outcome{Reason: <-reasons}
		})
	}))
	a := ts.account()
	var told []server.Answer
	for _, r := range referral.Reasons {
		reasons <- r.Reason
		told = append(told, ts.wantObserved(&o, []observed{
			{post(a, "; ref_code=some-code"), server.Answer{Route: "/v1/auth/attribute", Status: 200, Outcome: string(r.Reason)}},
		})...)
	}
	return told
}

func observeTimeout(t *testing.T) []server.Answer {
	var o answers
	ts := newServer(t, o.option(), withReadTimeout(50*time.Millisecond))
	return ts.wantObserved(&o, []observed{
		{"GET / HTTP/1.1\r\n", server.Answer{Route: "other", Status: 408, Outcome: "request_timeout"}},
	})
}

func observeSickness(t *testing.T) []server.Answer {
	var o answers
	ts := newServer(t, o.option(), withDeps(func(d *server.Deps) {
		d.Sessions = panickingSessions{}
		d.NotReady = func(context.Context) []string { return []string{"the disk is gone"} }
	}))
	told := ts.wantObserved(&o, []observed{
		{request("GET /readyz HTTP/1.1"), server.Answer{Route: "/readyz", Status: 503, Outcome: "unavailable"}},
		{request(attributeLine, "Cookie: nl_session="+strings.Repeat("A", 43)),
			server.Answer{Route: "/v1/auth/attribute", Status: 500, Outcome: "internal"}},
	})
	ts = newServer(t, o.option())
	a := ts.account()
	if err := ts.store.Close(); err != nil {
		t.Fatal(err)
	}
	return append(told, ts.wantObserved(&o, []observed{
		{post(a, ""), server.Answer{Route: "/v1/auth/attribute", Status: 503, Outcome: "unavailable"}},
	})...)
}

// TestConnectionsAreCounted holds one open and waits until the count follows.
func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	c := ts.dial()
	c.send(request("GET /healthz HTTP/1.1"))
	c.receive("GET")
	if n := ts.server.Connections(); n != 1 {
		t.Errorf("%d connections while one is open", n)
	}
	_ = c.conn.Close()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(testTimeout); ts.server.Connections() != 0; <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections after it was closed", ts.server.Connections())
		}
	}
}
