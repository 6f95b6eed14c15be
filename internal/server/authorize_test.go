package server_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

const attributeLine = "POST /v1/auth/attribute HTTP/1.1"

func cookies(pairs ...string) string { return "Cookie: " + strings.Join(pairs, "; ") }

// wantUntouched checks that a rejected call has written nothing.
func (ts *testServer) wantUntouched(t *testing.T, a account) {
	t.Helper()
	d := ts.inspection(a.ID)
	if d.ReferredBy != nil || len(d.Events) != 0 {
		t.Errorf("a rejected call wrote %+v, %+v", d.ReferredBy, d.Events)
	}
}

func TestOnlyCookiesOfAValidSessionAuthenticate(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	code := ts.account().Code
	token := func(a account) string { return "X-CSRF-Token: " + a.CSRF }
	ok := func(a account) []string {
		return []string{cookies("nl_session="+a.Session, "nl_csrf="+a.CSRF, "ref_code="+code), token(a)}
	}
	rows := []struct {
		name  string
		lines func(a, other account) []string // of a's call
		want  bool
	}{
		{"the cookies", func(a, _ account) []string { return ok(a) }, true},
		{"cookie header in lower case", func(a, _ account) []string {
			return []string{"cookie: nl_session=" + a.Session + "; nl_csrf=" + a.CSRF, "x-csrf-token:\t" + a.CSRF + " "}
		}, true},
		{"two lines", func(a, _ account) []string {
			return []string{cookies("nl_csrf=" + a.CSRF), cookies("nl_session=" + a.Session), token(a)}
		}, true},
		{"the same cookie twice", func(a, _ account) []string {
			return []string{cookies("nl_session="+a.Session, "nl_session="+a.Session, "nl_csrf="+a.CSRF, "nl_csrf="+a.CSRF), token(a)}
		}, true},
		{"next to a stale one", func(a, _ account) []string {
			return []string{cookies("nl_session=stale", "nl_session="+strings.Repeat("A", 43), "nl_session="+a.Session, "nl_csrf="+a.CSRF), token(a)}
		}, true},
		{"next to an expired one of another user", func(a, other account) []string {
			session, _ := ts.session(other.ID, epoch.Add(-2*sessionTTL))
			return []string{cookies("nl_session="+session, "nl_session="+a.Session, "nl_csrf="+a.CSRF), token(a)}
		}, true},
		{"next to another session of the user, with its CSRF token", func(a, _ account) []string {
			session, csrf := ts.session(a.ID, epoch)
			return []string{cookies("nl_session="+a.Session, "nl_session="+session, "nl_csrf="+csrf), "X-CSRF-Token: " + csrf}
		}, true},
		{"a microsecond before the expiry", func(a, _ account) []string {
			session, csrf := ts.session(a.ID, epoch.Add(time.Microsecond-sessionTTL))
			return []string{cookies("nl_session="+session, "nl_csrf="+csrf), "X-CSRF-Token: " + csrf}
		}, true},

		{"nothing", func(account, account) []string { return nil }, false},
		{"no session cookie", func(a, _ account) []string { return []string{cookies("nl_csrf=" + a.CSRF), token(a)} }, false},
		{"an empty one", func(a, _ account) []string { return []string{cookies("nl_session=", "nl_csrf="+a.CSRF), token(a)} }, false},
		{"quoted", func(a, _ account) []string {
			return []string{cookies(`nl_session="`+a.Session+`"`, "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"padded", func(a, _ account) []string {
			return []string{cookies("nl_session="+a.Session+"=", "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"another case of the value", func(a, _ account) []string {
			return []string{cookies("nl_session="+swapCase(a.Session), "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"another case of the name", func(a, _ account) []string {
			return []string{cookies("NL_SESSION="+a.Session, "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"the CSRF token for the session's", func(a, _ account) []string {
			return []string{cookies("nl_session="+a.CSRF, "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"at the expiry", func(a, _ account) []string {
			session, csrf := ts.session(a.ID, epoch.Add(-sessionTTL))
			return []string{cookies("nl_session="+session, "nl_csrf="+csrf), "X-CSRF-Token: " + csrf}
		}, false},
		{"revoked", func(a, _ account) []string {
			if _, err := ts.store.RevokeSessions(t.Context(), a.ID, epoch); err != nil {
				t.Error(err)
			}
			return ok(a)
		}, false},
		{"of a disabled user", func(a, _ account) []string {
			if _, _, err := ts.store.DisableUser(t.Context(), a.ID, epoch); err != nil {
				t.Error(err)
			}
			return ok(a)
		}, false},
		{"of two users", func(a, other account) []string {
			return []string{cookies("nl_session="+a.Session, "nl_session="+other.Session, "nl_csrf="+a.CSRF), token(a)}
		}, false},
		{"of two users, over lines", func(a, other account) []string {
			return append(ok(a), cookies("nl_session="+other.Session))
		}, false},
		{"an Authorization header", func(a, _ account) []string {
			return []string{"Authorization: Bearer " + a.Session, "X-Session-Token: " + a.Session, cookies("nl_csrf=" + a.CSRF), token(a)}
		}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a, other := ts.account(), ts.account()
			res := ts.ask(request(attributeLine, row.lines(a, other)...))
			if row.want {
				if res.status != 200 {
					t.Errorf("%d %s, want 200", res.status, res.body)
				}
				return
			}
			res.wantError(t, 401, "unauthenticated")
			ts.wantUntouched(t, a)
			ts.wantUntouched(t, other)
		})
	}
}

func swapCase(s string) string {
	if u := strings.ToUpper(s); u != s {
		return u
	}
	return strings.ToLower(s)
}

func TestQueryAndBodyDoNotAuthenticate(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	secrets := "nl_session=" + a.Session + "&nl_csrf=" + a.CSRF
	ts.ask(withBody(request("POST /v1/auth/attribute?"+secrets+" HTTP/1.1", "X-CSRF-Token: "+a.CSRF,
		"Content-Type: application/x-www-form-urlencoded"), secrets)).wantError(t, 401, "unauthenticated")
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	code := ts.account().Code
	foreign, err := auth.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		name    string
		headers func(a, other account) []string
		cookies func(a, other account) []string // nl_csrf cookies
		tag     string                          // empty: passes
	}{
		{"equal and of the session", header(one), csrf(one), ""},
		{"no header", header(), csrf(one), "csrf_missing"},
		{"an empty header", header(""), csrf(one), "csrf_missing"},
		{"a header of blanks", header(" \t "), csrf(one), "csrf_missing"},
		{"no header and no cookie", header(), csrf(), "csrf_missing"},
		{"no cookie", header(one), csrf(), "csrf_invalid"},
		{"an empty cookie", header(one), csrf(""), "csrf_invalid"},
		{"a mismatch", header(one), csrf(foreign), "csrf_invalid"},
		{"a pair set by a sibling domain", header(foreign), csrf(foreign), "csrf_invalid"},
		{"the pair of another user's session", header(two), csrf(two), "csrf_invalid"},
		{"a repeated header", header(one, one), csrf(one), "csrf_invalid"},
		{"two empty headers", header("", ""), csrf(one), "csrf_invalid"},
		{"differing cookies", header(one), csrf(one, foreign), "csrf_invalid"},
		{"differing cookies, the other first", header(one), csrf(foreign, one), "csrf_invalid"},
		{"a quoted cookie", header(one), csrf(`"` + one + `"`), "csrf_invalid"},
		{"a joined header", header(one + ", " + one), csrf(one), "csrf_invalid"},
		{"beyond ASCII", header("tökén"), csrf("tökén"), "csrf_invalid"},
		{"oversized", header(strings.Repeat("x", 8000)), csrf(one), "csrf_invalid"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a, other := ts.account(), ts.account()
			lines := []string{cookies(append([]string{"nl_session=" + a.Session, "ref_code=" + code}, row.cookies(a, other)...)...)}
			res := ts.ask(request(attributeLine, append(lines, row.headers(a, other)...)...))
			if row.tag == "" {
				res.wantOutcome(t, "")
				return
			}
			res.wantError(t, 403, row.tag)
			ts.wantUntouched(t, a)
		})
	}
}

// Placeholders for the CSRF tokens of the caller and of another user.
const one, two = "{one}", "{two}"

func header(values ...string) func(a, other account) []string {
	return filled("X-CSRF-Token: ", values)
}
func csrf(values ...string) func(a, other account) []string { return filled("nl_csrf=", values) }

func filled(prefix string, values []string) func(a, other account) []string {
	return func(a, other account) []string {
		var lines []string
		for _, v := range values {
			lines = append(lines, prefix+strings.NewReplacer(one, a.CSRF, two, other.CSRF).Replace(v))
		}
		return lines
	}
}

func TestCSRFTokenOfAnotherSessionIsInvalid(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	_, foreign := ts.session(a.ID, epoch)
	a.CSRF = foreign
	ts.ask(post(a, "; ref_code=abc")).wantError(t, 403, "csrf_invalid")
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	rows := []struct {
		name    string
		host    string
		origins []string
		pass    bool
	}{
		{"none", "console.test", nil, true},
		{"listed", "console.test", []string{pageOrigin}, true},
		{"listed, with the default port", "console.test", []string{pageOrigin + ":443"}, true},
		{"own, http", "console.test", []string{"http://console.test"}, true},
		{"own, https behind a proxy", "console.test", []string{"https://console.test"}, true},
		{"own, with a port", "console.test:8080", []string{"http://console.test:8080"}, true},
		{"own, default port in the host", "console.test:443", []string{"https://console.test"}, true},
		{"own, default port in the origin", "console.test", []string{"https://console.test:443"}, true},
		{"own, other case", "Console.TEST", []string{"http://console.test"}, true},
		{"own, IPv6", "[::1]:8080", []string{"http://[::1]:8080"}, true},

		{"another port", "console.test:8080", []string{"http://console.test:8081"}, false},
		{"the other scheme's port", "console.test:443", []string{"http://console.test"}, false},
		{"foreign", "console.test", []string{"https://evil.example"}, false},
		{"a sibling", "console.test", []string{"https://www.console.test"}, false},
		{"a suffix", "console.test", []string{"https://console.test.evil.example"}, false},
		{"a user before the host", "console.test", []string{"https://console.test@evil.example"}, false},
		{"a path", "console.test", []string{"https://console.test/"}, false},
		{"listed, http", "console.test", []string{"http://console.example.com"}, false},
		{"null", "console.test", []string{"null"}, false},
		{"empty", "console.test", []string{""}, false},
		{"no scheme", "console.test", []string{"console.test"}, false},
		{"another scheme", "console.test", []string{"ftp://console.test"}, false},
		{"own, repeated", "console.test", []string{"http://console.test", "http://console.test"}, false},
		{"listed next to foreign", "console.test", []string{pageOrigin, "https://evil.example"}, false},
		{"two in one", "console.test", []string{pageOrigin + " https://evil.example"}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a := ts.account()
			var lines []string
			for _, o := range row.origins {
				lines = append(lines, "Origin: "+o)
			}
			raw := strings.Replace(post(a, "", lines...), "Host: console.test", "Host: "+row.host, 1)
			res := ts.ask(raw)
			if row.pass {
				res.wantOutcome(t, "no_cookie")
				return
			}
			res.wantError(t, 403, "csrf_invalid")
		})
	}
}

func TestChecksRunInOrder(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	foreign := "Origin: https://evil.example"
	ts.ask(request("GET /v1/auth/attribute HTTP/1.1", foreign)).wantError(t, 405, "method_not_allowed")
	ts.ask(request(attributeLine, foreign)).wantError(t, 401, "unauthenticated")
	ts.ask(request(attributeLine, cookies("nl_session="+a.Session), foreign)).wantError(t, 403, "csrf_missing")
	ts.ask(post(a, "", foreign)).wantError(t, 403, "csrf_invalid")
}

func TestFailedStoreIsUnavailableAndNotUnauthenticated(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	if err := ts.store.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // the same error is logged once
		ts.ask(post(a, "; ref_code=abc")).wantError(t, 503, "unavailable")
	}
	ts.ask(request(attributeLine)).wantError(t, 401, "unauthenticated") // there is nothing to look up
	if log := ts.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, ` hint="check the database`) {
		t.Errorf("the log does not have one line with a hint: %s", log)
	}
}

func TestSessionLookupHasATimeout(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withConfig(func(c *server.Config) { c.StoreTimeout = time.Millisecond }),
		withDeps(func(d *server.Deps) { d.Sessions = hangingSessions{} }))
	a := account{Session: strings.Repeat("A", 43), CSRF: "x"}
	ts.ask(post(a, "")).wantError(t, 503, "unavailable")
}

type hangingSessions struct{}

func (hangingSessions) FindSession(ctx context.Context, _ auth.Hash) (auth.Session, error) {
	<-ctx.Done()
	return auth.Session{}, ctx.Err()
}

func TestPanicInSessionLookupIsInternalAndDeletesNoCookie(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = panickingSessions{} }))
	a := account{Session: strings.Repeat("A", 43), CSRF: "x"}
	c := ts.dial()
	c.send(post(a, "; ref_code=abc"))
	c.receive("POST").wantError(t, 500, "internal")
	c.send(request("GET /healthz HTTP/1.1"))
	if res := c.receive("GET"); res.status != 200 {
		t.Errorf("after a panic: %d", res.status)
	}
	if log := ts.log.String(); strings.Count(log, `msg="request panicked"`) != 1 || !strings.Contains(log, "panickingSessions") ||
		!strings.Contains(log, ` hint="report this line`) {
		t.Errorf("the log does not have the panic with its site and a hint: %s", log)
	}
}

type panickingSessions struct{}

func (panickingSessions) FindSession(context.Context, auth.Hash) (auth.Session, error) {
	panic(errors.New("broken"))
}

func TestDisconnectedClientDoesNotEndItsAttempt(t *testing.T) {
	t.Parallel()
	entered, left, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(ctx context.Context, _ referral.Attempt) referral.Outcome {
			close(entered)
			<-left
			done <- ctx.Err()
			return referral.Outcome{Attributed: true}
		})
	}))
	c := ts.dial()
	c.send(post(ts.account(), "; ref_code=abc"))
	<-entered
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	close(left)
	if err := <-done; err != nil {
		t.Errorf("the attempt's context: %v", err)
	}
}
