package server_test

import (
	"strings"
	"testing"
)

func TestOnlyATrustedProxyChoosesTheRequestID(t *testing.T) {
	t.Parallel()
	sent := func(ids ...string) string {
		var lines []string
		for _, id := range ids {
			lines = append(lines, "X-Request-Id: "+id)
		}
		return request("GET /nowhere HTTP/1.1", lines...)
	}
	direct, proxied := newServer(t), newServer(t, trusting("127.0.0.0/8"))
	direct.ask(sent("mine-1")).wantError(t, 404, "not_found") // checks that the server made the id

	long := strings.Repeat("x", 128)
	for _, id := range []string{"mine-1", "A.b_c-9", "x", long} {
		if res := proxied.ask(sent(id)); res.one(t, "X-Request-Id") != id || !strings.Contains(res.body, `"request_id":"`+id+`"`) {
			t.Errorf("request id %q became %q in %s", id, res.one(t, "X-Request-Id"), res.body)
		}
	}
	for _, ids := range [][]string{{""}, {"a b"}, {"a\"b"}, {"é"}, {long + "x"}, {"a", "a"}, {"a,b"}, nil} {
		proxied.ask(sent(ids...)).wantError(t, 404, "not_found")
	}
}
