package server_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/server"
)

func TestCallsAreLimitedByAddressAndByUser(t *testing.T) {
	t.Parallel()
	lookups := 0
	ts := newServer(t, withConfig(func(c *server.Config) {
		c.RequestsPerSecond = 0.05 // one call in 20 s
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}), withDeps(func(d *server.Deps) { d.Sessions = countedSessions{d.Sessions, &lookups} }))
	ann, bob := ts.account(), ts.account()
	from := func(address string) string { return "X-Forwarded-For: " + address }

	ts.ask(post(ann, "", from("192.0.2.1"))).wantOutcome(t, "no_cookie")
	before := lookups
	res := ts.ask(post(bob, "; ref_code=abc", from("192.0.2.1"))) // another user of the same address
	res.wantError(t, 429, "rate_limited")
	if retry := res.one(t, "Retry-After"); retry != "20" || len(res.header["Set-Cookie"]) != 0 || lookups != before {
		t.Errorf("Retry-After %s, cookies %q, %d lookups", retry, res.header["Set-Cookie"], lookups-before)
	}
	ts.ask(post(ann, "; ref_code=abc", from("192.0.2.2"))).wantError(t, 429, "rate_limited") // the same user elsewhere
	ts.ask(post(bob, "", from("192.0.2.3"))).wantOutcome(t, "no_cookie")
	ts.wantUntouched(t, ann)

	for range 3 { // only the API is limited
		if res := ts.ask(request("GET /healthz HTTP/1.1", from("192.0.2.1"))); res.status != 200 {
			t.Errorf("/healthz: %d", res.status)
		}
	}
}

// countedSessions counts lookups of one request at a time.
type countedSessions struct {
	auth.SessionStore
	n *int
}

func (s countedSessions) FindSession(ctx context.Context, h auth.Hash) (auth.Session, error) {
	*s.n++
	return s.SessionStore.FindSession(ctx, h)
}

func TestCallsAreNotLimitedByDefault(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	for range 200 {
		ts.ask(post(a, "")).wantOutcome(t, "no_cookie")
	}
}
