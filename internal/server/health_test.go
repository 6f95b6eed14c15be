package server_test

import (
	"context"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/server"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newSite(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		res := w.ask(request("GET " + path + " HTTP/1.1"))
		if res.status != 200 || res.body != `{"status":"ok"}` || res.one(t, "Content-Type") != "application/json" {
			t.Errorf("%s: %d %q", path, res.status, res.body)
		}
		res.wantCommon(t)
		if res := w.ask(request("HEAD " + path + " HTTP/1.1")); res.status != 200 {
			t.Errorf("HEAD %s: %d", path, res.status)
		}
	}
}

func TestReadyzNamesWhatIsNotReady(t *testing.T) {
	t.Parallel()
	w := newSite(t, withDeps(func(d *server.Deps) {
		d.NotReady = func(ctx context.Context) []string {
			if _, bounded := ctx.Deadline(); !bounded {
				return []string{"the question has no deadline"}
			}
			return []string{"the store is not writable", `the spool "waits"`}
		}
	}))
	res := w.ask(request("GET /readyz HTTP/1.1"))
	res.wantRefusal(t, 503, "unavailable")
	if !strings.Contains(res.body, `"message":"the store is not writable; the spool \"waits\""`) {
		t.Errorf("body %s", res.body)
	}
	if res := w.ask(request("GET /healthz HTTP/1.1")); res.status != 200 {
		t.Errorf("healthz: %d", res.status)
	}
}
