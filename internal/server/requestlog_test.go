package server_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestRequestIsOneLogLineThatQuotesNothing checks the line of a request. The end of every test checks that no line has a
// secret.
func TestRequestIsOneLogLineThatQuotesNothing(t *testing.T) {
	t.Parallel()
	rows := []struct{ raw, want string }{
		{request("GET /?ref=visible&x=visible HTTP/1.1"), `method=GET route=/ status=200 DURATION outcome=pickup`},
		{request("GET /r/visible HTTP/1.1"), `method=GET route=/r/:code status=302 DURATION outcome=pickup`},
		{request("GET /visible HTTP/1.1"), `method=GET route="" status=404 DURATION outcome=not_found`},
		{request("VISIBLE /healthz HTTP/1.1"), `method=OTHER route="" status=405 DURATION outcome=method_not_allowed`},
		{request(attributeLine, "Cookie: nl_session=visible; ref_code=visible"), `method=POST route=/v1/auth/attribute status=401 DURATION outcome=unauthenticated`},
		{"visible\r\n\r\n", `method=GET route="" status=400 DURATION outcome=bad_request`},
	}
	for _, row := range rows {
		ts := newServer(t)
		ts.ask(row.raw)
		ts.stop() // the line may be written after the answer was sent
		lines := strings.Split(strings.TrimSpace(ts.log.String()), "\n")
		form := regexp.MustCompile(` level=DEBUG msg=request ` +
			strings.Replace(regexp.QuoteMeta(row.want), "DURATION", `duration=\S+ request_id=req_[0-9a-f]{16}`, 1) + `$`)
		if len(lines) != 1 || !form.MatchString(lines[0]) {
			t.Errorf("%.40q was logged as %q, want %s", row.raw, lines, row.want)
		}
		if strings.Contains(strings.ToLower(ts.log.String()), "visible") {
			t.Errorf("the log quotes %.40q: %s", row.raw, ts.log.String())
		}
	}
}
