package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/server"
)

// TestForgedRequestWithoutTheTokenIsRejected is request forgery: another page makes the victim's browser send all its
// cookies. The attacker may choose everything but X-CSRF-Token, which the attacker does not know.
func TestForgedRequestWithoutTheTokenIsRejected(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	attacker := ts.account()
	guess, err := auth.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name  string
		line  string
		lines []string
		body  string
		tag   string
	}{
		{name: "a form", lines: []string{"Content-Type: application/x-www-form-urlencoded"}, body: "csrf_token=" + guess, tag: "csrf_missing"},
		{name: "a form for other frameworks", lines: []string{"Content-Type: application/x-www-form-urlencoded"},
			body: "_csrf=" + guess + "&X-CSRF-Token=" + guess + "&_method=POST", tag: "csrf_missing"},
		{name: "plain text that is JSON", lines: []string{"Content-Type: text/plain"}, body: `{"X-CSRF-Token":"` + guess + `"}`, tag: "csrf_missing"},
		{name: "the query", line: "POST /v1/auth/attribute?X-CSRF-Token=" + guess + "&nl_csrf=" + guess + " HTTP/1.1", tag: "csrf_missing"},
		{name: "headers of other frameworks", lines: []string{"X-XSRF-TOKEN: " + guess, "CSRF-Token: " + guess, "X-Requested-With: XMLHttpRequest"}, tag: "csrf_missing"},
		{name: "a header with underscores", lines: []string{"X_CSRF_Token: " + guess}, tag: "csrf_missing"},
		{name: "a method in a header", lines: []string{"X-HTTP-Method-Override: GET"}, tag: "csrf_missing"},
		{name: "a guess", lines: []string{"X-CSRF-Token: " + guess}, tag: "csrf_invalid"},
		{name: "the attacker's own token", lines: []string{"X-CSRF-Token: " + attacker.CSRF}, tag: "csrf_invalid"},
		{name: "an undefined variable", lines: []string{"X-CSRF-Token: undefined"}, tag: "csrf_invalid"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			victim := ts.account()
			line := attributeLine
			if row.line != "" {
				line = row.line
			}
			sent := cookies("nl_session="+victim.Session, "nl_csrf="+victim.CSRF, "ref_code="+attacker.Code)
			ts.ask(withBody(request(line, append(row.lines, sent)...), row.body)).wantError(t, 403, row.tag)
			ts.wantUntouched(t, victim)
		})
	}
}

// TestCookiesSetByASiblingDomainAreRejected has a sibling subdomain that sets cookies for the whole domain. They come
// before the victim's own if their path is longer, and else after them. With enough of them, the browser drops the
// victim's own.
func TestCookiesSetByASiblingDomainAreRejected(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	rows := []struct {
		name    string
		evicted bool // the victim's own nl_csrf
		tossed  func(victim, attacker account) []string
		header  func(victim, attacker account) string
		status  int
		tag     string
	}{
		{"a CSRF pair of the attacker's choice", false, tossedCSRF, csrfOfAttacker, 403, "csrf_invalid"},
		{"a CSRF cookie under the victim's header", false, tossedCSRF, csrfOfVictim, 403, "csrf_invalid"},
		{"a CSRF pair in the place of the victim's", true, tossedCSRF, csrfOfAttacker, 403, "csrf_invalid"},
		{"the attacker's session", false, tossedSession, csrfOfVictim, 401, "unauthenticated"},
		{"the attacker's session and CSRF pair", false, tossedBoth, csrfOfAttacker, 401, "unauthenticated"},
	}
	for _, row := range rows {
		for _, place := range []string{"first", "last"} {
			t.Run(row.name+" "+place, func(t *testing.T) {
				t.Parallel()
				ts := ts.in(t)
				victim, attacker := ts.account(), ts.account()
				jar := []string{"nl_session=" + victim.Session}
				if !row.evicted {
					jar = append(jar, "nl_csrf="+victim.CSRF)
				}
				if tossed := row.tossed(victim, attacker); place == "first" {
					jar = append(tossed, jar...)
				} else {
					jar = append(jar, tossed...)
				}
				jar = append(jar, "ref_code="+attacker.Code)
				res := ts.ask(request(attributeLine, cookies(jar...), "X-CSRF-Token: "+row.header(victim, attacker)))
				res.wantError(t, row.status, row.tag)
				ts.wantUntouched(t, victim)
				ts.wantUntouched(t, attacker)
			})
		}
	}
}

func tossedCSRF(_, attacker account) []string    { return []string{"nl_csrf=" + attacker.CSRF} }
func tossedSession(_, attacker account) []string { return []string{"nl_session=" + attacker.Session} }
func tossedBoth(_, attacker account) []string {
	return []string{"nl_session=" + attacker.Session, "nl_csrf=" + attacker.CSRF}
}

func csrfOfVictim(victim, _ account) string     { return victim.CSRF }
func csrfOfAttacker(_, attacker account) string { return attacker.CSRF }

// TestSessionFixationFails has an attacker who sets a session cookie before the victim signs in, and uses it
// afterwards.
func TestSessionFixationFails(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	victim := ts.account()
	tokens, _, err := auth.NewSession(rand.Reader, victim.ID, epoch, sessionTTL) // never stored: the attacker made it
	if err != nil {
		t.Fatal(err)
	}
	fixed := account{Session: tokens.Session, CSRF: tokens.CSRF}
	for _, raw := range []string{post(fixed, "; ref_code=abc"), request("GET /?ref=abc HTTP/1.1", cookies("nl_session="+fixed.Session))} {
		for _, set := range ts.ask(raw).header["Set-Cookie"] {
			if !strings.HasPrefix(set, "ref_code=") {
				t.Errorf("the server sets %q", set)
			}
		}
	}
	victim.Session, victim.CSRF = ts.session(victim.ID, epoch) // the sign-in
	if victim.Session == fixed.Session {
		t.Fatal("the sign-in took the fixed session")
	}
	ts.ask(post(fixed, "; ref_code=abc")).wantError(t, 401, "unauthenticated")
	both := request(attributeLine, cookies("nl_session="+fixed.Session, "nl_session="+victim.Session, "nl_csrf="+victim.CSRF),
		"X-CSRF-Token: "+victim.CSRF)
	ts.ask(both).wantOutcome(t, "no_cookie") // the victim's own still counts
}

// newTrustingServer trusts the test as its proxy.
func newTrustingServer(t *testing.T) *testServer {
	return newServer(t, withConfig(func(c *server.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}))
}

// TestLineBreakNeverCreatesAHeader is response splitting: values of a request come back in Set-Cookie, X-Request-Id and
// Access-Control-Allow-Origin only.
func TestLineBreakNeverCreatesAHeader(t *testing.T) {
	t.Parallel()
	ts := newTrustingServer(t)
	breaks := []string{"\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\u0085", "\u2028", "嘊嘍", "%0d%0a", "%0D%0A", "%250d%250a", `\r\n`}
	for _, br := range breaks {
		evil := br + "Set-Cookie: evil=1"
		for _, raw := range []string{
			request("GET /?ref=abc" + evil + " HTTP/1.1"),
			request("GET /?ref=abc" + strings.ReplaceAll(evil, " ", "") + " HTTP/1.1"),
			request("GET /r/abc" + strings.ReplaceAll(evil, " ", "") + " HTTP/1.1"),
			request("GET /nowhere" + strings.ReplaceAll(evil, " ", "") + " HTTP/1.1"),
			request("GET / HTTP/1.1", "X-Request-Id: abc"+evil),
			request("GET / HTTP/1.1", "Origin: "+pageOrigin+evil),
			request("GET /?ref=abc HTTP/1.1", "X-Forwarded-Proto: https"+evil, "X-Forwarded-Host: evil"),
			request("EVIL"+evil+" / HTTP/1.1", "X-A: b"),
			post(ts.account(), "; ref_code=abc"+evil),
			post(ts.account(), "", "Origin: "+pageOrigin+evil),
		} {
			ts.ask(raw).wantNothingOfTheRequest(t, raw)
		}
	}
	ts.stop()
	if strings.Contains(strings.ToLower(ts.log.String()), "evil") {
		t.Errorf("the log quotes a request: %s", ts.log.String())
	}
}

// sentHeaders are the headers that the server sends.
var sentHeaders = []string{
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Allow",
	"Cache-Control", "Connection", "Content-Length", "Content-Security-Policy", "Content-Type", "Cross-Origin-Opener-Policy",
	"Cross-Origin-Resource-Policy", "Date", "Location", "Referrer-Policy", "Set-Cookie", "Vary", "X-Content-Type-Options", "X-Request-Id",
}

// wantNothingOfTheRequest checks that the answer has known headers only, and no bytes of the
// request.
func (r response) wantNothingOfTheRequest(t *testing.T, raw string) {
	t.Helper()
	for name, values := range r.header {
		if !slices.Contains(sentHeaders, name) || len(values) != 1 || strings.Contains(strings.ToLower(values[0]), "evil") {
			t.Errorf("%.60q is answered %s: %q", raw, name, values)
		}
	}
	if strings.Contains(strings.ToLower(r.body), "evil") {
		t.Errorf("%.60q is answered %q", raw, r.body)
	}
}

// TestRequestCannotForgeLogLines is log injection, by every part of a request.
func TestRequestCannotForgeLogLines(t *testing.T) {
	t.Parallel()
	ts := newTrustingServer(t)
	sent := 0
	for _, br := range []string{"\n", "\r", "\x1b[2J\x1b[31m", "\b\b\b", "\x7f", "\u2028", "\u202e", "\xff", `" `, " "} {
		forged := br + `time=2026-03-01T12:00:00Z level=ERROR msg=forged`
		for _, raw := range []string{
			request("GET /?ref=abc" + forged + " HTTP/1.1"),
			request("GET /" + strings.ReplaceAll(forged, " ", "%20") + " HTTP/1.1"),
			request("GET /nowhere HTTP/1.1", "User-Agent: "+forged, "Referer: "+forged, "X-Forwarded-For: "+forged),
			request("GET / HTTP/1.1", "X-Request-Id: abc"+forged),
			request("FORGED"+forged+" / HTTP/1.1", "X-A: b"),
			post(ts.account(), "; ref_code=abc"+forged),
			post(ts.account(), "; ref_code="+strings.ReplaceAll(forged, " ", "+")),
			"GET / HTTP/1.1\r\nHost: console.test" + forged + "\r\n\r\n",
		} {
			ts.ask(raw)
			sent++
		}
	}
	ts.stop()
	lines := strings.Split(strings.TrimSuffix(ts.log.String(), "\n"), "\n")
	if len(lines) != sent {
		t.Errorf("%d requests wrote %d lines", sent, len(lines))
	}
	form := regexp.MustCompile(`^time=\S+ level=DEBUG msg=request method=[A-Z]+ route=\S+ status=\d+ duration=\S+ request_id=[A-Za-z0-9._-]+ outcome=[a-z_"]+$`)
	for _, line := range lines {
		if !form.MatchString(line) || strings.Contains(line, "forged") {
			t.Errorf("the log has %q", line)
		}
	}
}

// TestInternalErrorDoesNotShowItsCause has a cause with everything that a client must not see.
func TestInternalErrorDoesNotShowItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("visible: SELECT csrf_hash FROM sessions: open /var/lib/triport/triport.db: disk I/O error (10)")
	stranger := account{Session: strings.Repeat("A", 43), CSRF: "x"}
	failing := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = failingSessions{cause} }))
	panicking := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = panickingSessions{} }))
	for _, row := range []struct {
		ts     *testServer
		status int
		tag    string
	}{{failing, 503, "unavailable"}, {panicking, 500, "internal"}} {
		res := row.ts.ask(post(stranger, "; ref_code=abc"))
		res.wantError(t, row.status, row.tag)
		for _, inside := range []string{"visible", "SELECT", "/var", "disk", "broken", "panic", "goroutine", ".go", "sessions", "auth."} {
			if strings.Contains(res.body, inside) {
				t.Errorf("%s: the answer %s shows %q", row.tag, res.body, inside)
			}
		}
	}
}

// failingSessions fails every lookup.
type failingSessions struct{ cause error }

func (s failingSessions) FindSession(context.Context, auth.Hash) (auth.Session, error) {
	return auth.Session{}, s.cause
}
