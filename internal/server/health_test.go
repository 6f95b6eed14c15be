package server_test

import (
	"context"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/server"
)

func TestHealthyServerIsHealthyAndReady(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		res := ts.ask(request("GET " + path + " HTTP/1.1"))
		if res.status != 200 || res.body != `{"status":"ok"}` || res.one(t, "Content-Type") != "application/json" {
			t.Errorf("%s: %d %q", path, res.status, res.body)
		}
		res.wantCommon(t)
		if res := ts.ask(request("HEAD " + path + " HTTP/1.1")); res.status != 200 {
			t.Errorf("HEAD %s: %d", path, res.status)
		}
	}
}

func TestReadyzNamesWhatIsNotReady(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.NotReady = func(ctx context.Context) []string {
			if _, bounded := ctx.Deadline(); !bounded {
				return []string{"the question has no deadline"}
			}
			return []string{"the store is not writable", `the spool "waits"`}
		}
	}))
	res := ts.ask(request("GET /readyz HTTP/1.1"))
	res.wantError(t, 503, "unavailable")
	if !strings.Contains(res.body, `"message":"the store is not writable; the spool \"waits\""`) {
		t.Errorf("body %s", res.body)
	}
	if res := ts.ask(request("GET /healthz HTTP/1.1")); res.status != 200 {
		t.Errorf("healthz: %d", res.status)
	}
}
