package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestAttributionIsRecordedAndAnsweredTrue(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob := ts.account(), ts.account()
	res := ts.ask(withBody(post(bob, "; ref_code="+ann.Code, "Content-Type: application/json"), "{}"))
	res.wantOutcome(t, "")

	d := ts.inspection(bob.ID)
	if d.ReferredBy == nil || d.ReferredBy.UserID != ann.ID || d.ReferredBy.Code != ann.Code || !d.ReferredBy.AttributedAt.Equal(epoch) {
		t.Errorf("referred by %+v", d.ReferredBy)
	}
	if len(d.Events) != 1 || d.Events[0].Type != referral.EventSignup || d.Events[0].Source != referral.SourceLive ||
		d.Events[0].RequestID != res.one(t, "X-Request-Id") {
		t.Errorf("events %+v", d.Events)
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	rows := []struct {
		name    string
		cookies func(ann, bob account) string // of bob's call
		reason  string
		kept    string // the code in the audit log
	}{
		{"no cookie", func(_, _ account) string { return "" }, "no_cookie", ""},
		{"an empty cookie", func(_, _ account) string { return "; ref_code=" }, "no_cookie", ""},
		{"a cookie of blanks", func(_, _ account) string { return "; ref_code= \t" }, "no_cookie", ""},
		{"a name without a value", func(_, _ account) string { return "; ref_code" }, "no_cookie", ""},
		{"a cookie of another case", func(ann, _ account) string { return "; Ref_Code=" + ann.Code }, "no_cookie", ""},
		{"a name with a blank", func(ann, _ account) string { return "; ref_code =" + ann.Code }, "no_cookie", ""},
		{"a cookie without the blank before it", func(ann, _ account) string { return ";ref_code=" + ann.Code }, "", ""},
		{"upper case", func(ann, _ account) string { return "; ref_code=" + strings.ToUpper(ann.Code) }, "", ""},
		{"blanks around", func(ann, _ account) string { return "; ref_code= " + ann.Code + "\t" }, "", ""},
		{"quoted", func(ann, _ account) string { return `; ref_code="` + ann.Code + `"` }, "invalid_code", `"CODE"`},
		{"percent-encoded", func(_, _ account) string { return "; ref_code=ab%63" }, "invalid_code", "ab%63"},
		{"beyond ASCII", func(_, _ account) string { return "; ref_code=café" }, "invalid_code", `caf\xc3\xa9`},
		{"white space beyond ASCII", func(_, _ account) string { return "; ref_code=\u00a0\u2003" }, "invalid_code", `\xc2\xa0\xe2\x80\x83`},
		{"a terminal escape", func(_, _ account) string { return "; ref_code=\x1b[31m" }, "invalid_code", `\x1b[31m`},
		{"too short", func(_, _ account) string { return "; ref_code=ab" }, "invalid_code", "ab"},
		{"oversized", func(_, _ account) string { return "; ref_code=" + strings.Repeat("a", 15<<10) }, "invalid_code", strings.Repeat("a", 64)},
		{"an equals sign", func(_, _ account) string { return "; ref_code==abc" }, "invalid_code", "=abc"},
		{"own code", func(_, bob account) string { return "; ref_code=" + bob.Code }, "self_referral", "BOB"},
		{"an unknown code", func(_, _ account) string { return "; ref_code=unknown-code" }, "unknown_code", "unknown-code"},
		{"the first well-formed counts", func(ann, bob account) string {
			return `; ref_code="x"; ref_code=; ref_code=` + ann.Code + "; ref_code=" + bob.Code
		}, "", ""},
		{"the first well-formed counts, over lines", func(ann, _ account) string {
			return "; ref_code=%41bc\r\ncookie: ref_code=" + ann.Code
		}, "", ""},
		{"none well-formed, the first empty", func(_, _ account) string { return "; ref_code=; ref_code=%%%" }, "no_cookie", ""},
		{"none well-formed, the first malformed", func(_, _ account) string { return "; ref_code=%%%; ref_code=" }, "invalid_code", "%%%"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			ann, bob := ts.account(), ts.account()
			ts.ask(post(bob, row.cookies(ann, bob))).wantOutcome(t, row.reason)
			events := ts.inspection(bob.ID).Events
			if row.kept == "" && row.reason != "" {
				if len(events) != 0 {
					t.Errorf("events %+v, want none", events)
				}
				return
			}
			want := strings.NewReplacer("CODE", ann.Code, "BOB", bob.Code).Replace(row.kept)
			if row.reason == "" {
				want = ann.Code
			}
			if len(events) != 1 || events[0].Code != want || string(events[0].Reason) != row.reason {
				t.Errorf("events %+v, want one with code %q and reason %q", events, want, row.reason)
			}
		})
	}
}

func TestSecondCallIsAlreadyAttributedOrNoCookie(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob, cid := ts.account(), ts.account(), ts.account()
	ts.ask(post(bob, "; ref_code="+ann.Code)).wantOutcome(t, "")
	ts.ask(post(bob, "; ref_code="+ann.Code)).wantOutcome(t, "already_attributed")
	ts.ask(post(bob, "; ref_code="+cid.Code)).wantOutcome(t, "already_attributed")
	ts.ask(post(bob, "; ref_code=%%%")).wantOutcome(t, "already_attributed")
	ts.ask(post(bob, "")).wantOutcome(t, "no_cookie")
	if events := ts.inspection(bob.ID).Events; len(events) != 1 {
		t.Errorf("events %+v, want the signup alone", events)
	}
}

func TestDisabledCodesAndOwnersAttributeNothing(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	owner, gone, bob := ts.account(), ts.account(), ts.account()
	if _, err := ts.store.SetSlug(t.Context(), owner.ID, "spring-sale", epoch); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.store.DisableSlug(t.Context(), owner.ID, epoch); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ts.store.DisableUser(t.Context(), gone.ID, epoch); err != nil {
		t.Fatal(err)
	}
	ts.ask(post(bob, "; ref_code=spring-sale")).wantOutcome(t, "unknown_code")
	ts.ask(post(bob, "; ref_code="+gone.Code)).wantOutcome(t, "unknown_code")
	ts.ask(post(owner, "; ref_code=spring-sale")).wantOutcome(t, "self_referral")
	events := ts.inspection(bob.ID).Events
	if len(events) != 2 || events[1].Detail != referral.DetailCodeDisabled || events[0].Detail != referral.DetailOwnerDisabled {
		t.Errorf("events %+v", events)
	}
}

func TestReferralCycleIsRejected(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob, cid := ts.account(), ts.account(), ts.account()
	ts.ask(post(bob, "; ref_code="+ann.Code)).wantOutcome(t, "")
	ts.ask(post(cid, "; ref_code="+bob.Code)).wantOutcome(t, "")
	ts.ask(post(ann, "; ref_code="+cid.Code)).wantOutcome(t, "referral_cycle")
}

func TestBodiesAreIgnored(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann := ts.account()
	multipart := "Content-Type: multipart/form-data; boundary=x"
	chunks := "Transfer-Encoding: chunked"
	rows := map[string]func(bob account, cookie string) string{
		"none":             func(b account, c string) string { return post(b, c) },
		"empty":            func(b account, c string) string { return withBody(post(b, c), "") },
		"an object":        func(b account, c string) string { return withBody(post(b, c), "{}") },
		"broken JSON":      func(b account, c string) string { return withBody(post(b, c), `{"ref_code":`) },
		"broken multipart": func(b account, c string) string { return withBody(post(b, c, multipart), "--y\r\nrubbish") },
		"broken gzip":      func(b account, c string) string { return withBody(post(b, c, "Content-Encoding: gzip"), "rubbish") },
		"NUL bytes":        func(b account, c string) string { return withBody(post(b, c), "\x00\x00") },
		"64 KiB":           func(b account, c string) string { return withBody(post(b, c), strings.Repeat("x", 64<<10)) },
		"chunked":          func(b account, c string) string { return post(b, c, chunks) + "2\r\n{}\r\n0\r\n\r\n" },
		"chunked, in capitals": func(b account, c string) string {
			return post(b, c, "transfer-encoding:  CHUNKED ") + "2\r\n{}\r\n0\r\n\r\n"
		},
		"chunked with a trailer that names a session": func(b account, c string) string {
			return post(b, c, chunks) + "2\r\n{}\r\n0\r\nCookie: nl_session=x\r\n\r\n"
		},
		"chunked, 64 KiB": func(b account, c string) string {
			return post(b, c, chunks) + "10000\r\n" + strings.Repeat("x", 64<<10) + "\r\n0\r\n\r\n"
		},
		"a request in the body": func(b account, c string) string { return withBody(post(b, c), post(b, c)) },
	}
	for name, raw := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			ts.ask(raw(ts.account(), "; ref_code="+ann.Code)).wantOutcome(t, "")
		})
	}
}

func TestExpectContinueIsAnswered(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob := ts.account(), ts.account()
	c := ts.dial()
	c.send(post(bob, "; ref_code="+ann.Code, "Expect: 100-continue", "Content-Length: 2"))
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := c.r.ReadString('\n'); err != nil || line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
	c.send("{}")
	c.receive("POST").wantOutcome(t, "")
}

func TestHTTP10ClientGetsNo100Continue(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob := ts.account(), ts.account()
	raw := withBody(post(bob, "; ref_code="+ann.Code, "Expect: 100-continue"), "{}")
	c := ts.dial()
	c.send(strings.Replace(raw, "HTTP/1.1", "HTTP/1.0", 1))
	c.receive("POST").wantOutcome(t, "")
	c.closed()
}

func TestFiftyConcurrentCallsAttributeOnce(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob := ts.account(), ts.account()
	bodies := ts.race(50, func(int) string { return post(bob, "; ref_code="+ann.Code) })
	if bodies[`{"attributed":true}`] != 1 || bodies[`{"attributed":false,"reason":"already_attributed"}`] != 49 {
		t.Errorf("answers %v", bodies)
	}
}

func TestConcurrentReferrersAttributeOneUserOnce(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, cid, bob := ts.account(), ts.account(), ts.account()
	codes := []string{ann.Code, cid.Code}
	bodies := ts.race(20, func(i int) string { return post(bob, "; ref_code="+codes[i%2]) })
	if bodies[`{"attributed":true}`] != 1 || bodies[`{"attributed":false,"reason":"already_attributed"}`] != 19 {
		t.Errorf("answers %v", bodies)
	}
}

func TestTwoUsersReferringEachOtherAttributeOnce(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for range 10 {
		pair := []account{ts.account(), ts.account()}
		bodies := ts.race(2, func(i int) string { return post(pair[i], "; ref_code="+pair[1-i].Code) })
		if bodies[`{"attributed":true}`] != 1 || bodies[`{"attributed":false,"reason":"referral_cycle"}`] != 1 {
			t.Errorf("answers %v", bodies)
		}
	}
}

// race sends n requests at once, each on an open connection, and counts the bodies.
func (ts *testServer) race(n int, raw func(i int) string) map[string]int {
	ts.t.Helper()
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = ts.dial()
	}
	var mu sync.Mutex
	bodies := make(map[string]int)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, c := range clients {
		all.Go(func() {
			<-start
			if _, err := c.conn.Write([]byte(raw(i))); err != nil {
				ts.t.Error(err)
				return
			}
			line, body := readAnswer(c)
			mu.Lock()
			defer mu.Unlock()
			if line != "HTTP/1.1 200 OK" {
				body = line
			}
			bodies[body]++
		})
	}
	close(start)
	all.Wait()
	return bodies
}

// readAnswer is receive without Fatal, for goroutines.
func readAnswer(c *client) (statusLine, body string) {
	statusLine, _ = c.r.ReadString('\n')
	length := 0
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || line == "\r\n" {
			break
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d\r\n", &length)
	}
	b := make([]byte, length)
	for n := 0; n < length; {
		k, err := c.r.Read(b[n:])
		if err != nil {
			break
		}
		n += k
	}
	return strings.TrimSpace(statusLine), string(b)
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	ann, bob := ts.account(), ts.account()
	c := ts.dial()
	c.send(withBody(post(bob, "; ref_code="+ann.Code), "{}"))
	c.receive("POST").wantOutcome(t, "")
	c.send(withBody(post(bob, "; ref_code="+ann.Code), "{}") + request("GET /nowhere HTTP/1.1") +
		request("HEAD /healthz HTTP/1.1") + post(bob, ""))
	c.receive("POST").wantOutcome(t, "already_attributed")
	c.receive("GET").wantError(t, 404, "not_found")
	if res := c.receive("HEAD"); res.status != 200 {
		t.Errorf("status %d", res.status)
	}
	c.receive("POST").wantOutcome(t, "no_cookie")
}

func TestAttemptIsACopyOfItsRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []referral.Attempt
	keep := submitFunc(func(_ context.Context, a referral.Attempt) referral.Outcome {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, a)
		return referral.Outcome{Attributed: true}
	})
	ts := newServer(t, withDeps(func(d *server.Deps) { d.Referrals = keep }))
	bob := ts.account()
	c := ts.dial()
	for i := range 20 {
		c.send(post(bob, fmt.Sprintf("; ref_code=code-%03d", i)))
		c.receive("POST").wantOutcome(t, "")
	}
	mu.Lock()
	defer mu.Unlock()
	ids := make(map[string]bool)
	for i, a := range seen {
		want := referral.Attempt{ID: a.ID, User: bob.ID, Code: referral.ParsePresentedCode(fmt.Sprintf("code-%03d", i)), At: epoch, RequestID: a.RequestID, Source: referral.SourceLive}
		if a != want || !newIDForm.MatchString(a.RequestID) {
			t.Errorf("attempt %+v, want %+v", a, want)
		}
		ids[a.ID], ids[a.RequestID] = true, true
	}
	if len(ids) != 40 {
		t.Errorf("%d different ids in 20 attempts, want 40", len(ids))
	}
}

// submitFunc replaces the decision in tests that inspect or break it.
type submitFunc func(context.Context, referral.Attempt) referral.Outcome

func (f submitFunc) Submit(ctx context.Context, a referral.Attempt) referral.Outcome {
	return f(ctx, a)
}

func TestAttemptTimeIsWholeMicrosecondsUTC(t *testing.T) {
	t.Parallel()
	var at time.Time
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.Now = func() time.Time { return epoch.Add(1234 * time.Nanosecond).In(time.FixedZone("x", 3600)) }
		d.Referrals = submitFunc(func(_ context.Context, a referral.Attempt) referral.Outcome {
			at = a.At
			return referral.Outcome{Attributed: true}
		})
	}))
	ts.ask(post(ts.account(), "; ref_code=abc")).wantOutcome(t, "")
	if want := epoch.Add(time.Microsecond); at != want {
		t.Errorf("at %v, want %v", at, want)
	}
}

func TestPanicInSubmitIsAnsweredInternalError(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(_ context.Context, a referral.Attempt) referral.Outcome { panic("with " + a.Code.Text) })
	}))
	ts.ask(post(ts.account(), "; ref_code=some-code")).wantOutcome(t, "internal_error")
	if log := ts.log.String(); !strings.Contains(log, "panicked") || strings.Contains(log, "some-code") {
		t.Errorf("log %s", log)
	}
}

func TestFailedStoreSpoolsAndAnswersInternalError(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	bob := ts.account()
	// Its own reader, so the session checks still pass after the writer was closed.
	reader, err := sqlite.Open(t.Context(), ts.database, sqlite.Options{Mode: sqlite.ReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	failed := newServer(t, withDeps(func(d *server.Deps) { d.Sessions = reader }))
	if err := failed.store.Close(); err != nil {
		t.Fatal(err)
	}
	failed.ask(post(bob, "; ref_code=some-code")).wantOutcome(t, "internal_error")
	if n := failed.pending(); n != 1 {
		t.Errorf("%d attempts wait in the spool, want 1", n)
	}
}
