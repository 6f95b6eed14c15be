package browser

import (
	"strings"
	"testing"
)

const (
	foreignPage = "https://" + foreignHost + "/page"
	// postForm posts a body that looks like JSON as soon as the page opens.
	postForm = `<form method="post" enctype="text/plain" action="https://api.triport.io/v1/auth/attribute">
<input name='{"a":"' value='"}'></form><script>document.forms[0].submit()</script>`
)

// postFromForeignPage makes a foreign page post a form. It returns the request that arrived and the
// response body, which the browser now shows.
func (v *victim) postFromForeignPage() (request, string) {
	v.t.Helper()
	v.html(foreignHost+"/page", postForm)
	v.visit(foreignPage)
	v.waitFor(`location.host === "api.triport.io" && document.readyState === "complete"`)
	calls := v.calls("POST")
	if len(calls) != 1 {
		v.t.Fatalf("%d calls arrived, want 1", len(calls))
	}
	return calls[0], v.eval("document.body.innerText")
}

func TestForeignFormPostCarriesNoCookies(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	post, body := v.postFromForeignPage()
	if got := post.cookies(); len(got) != 0 {
		t.Errorf("the foreign post carries the cookies %v", got)
	}
	if post.Status != 401 || !strings.Contains(body, "unauthenticated") {
		t.Errorf("the response to the foreign post is %d %s", post.Status, body)
	}
	v.wantNoEffect()
}

func TestForeignFormPostWithSessionIsRejected(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "None")
	post, body := v.postFromForeignPage()
	if got := post.cookies()["nl_session"]; len(got) != 1 {
		t.Fatalf("the post carries %d sessions, so this test proves nothing", len(got))
	}
	if post.Status != 403 || !strings.Contains(body, "csrf_missing") {
		t.Errorf("the response to the foreign post is %d %s", post.Status, body)
	}
	v.wantNoEffect()
}

func TestForeignFetchIsBlockedByPreflight(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "None")
	v.html(foreignHost+"/page", "")
	v.visit(foreignPage)
	if got := v.eval(call); got != "TypeError" {
		t.Errorf("the foreign fetch got %s", got)
	}
	if n := len(v.calls("OPTIONS")); n != 1 {
		t.Errorf("%d preflights arrived, want 1", n)
	}
	if n := len(v.calls("POST")); n != 0 {
		t.Errorf("%d calls arrived, want none", n)
	}
	v.wantNoEffect()
}

func TestForeignFetchWithoutPreflightIsRejectedAndUnreadable(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "None")
	v.html(foreignHost+"/page", "")
	v.visit(foreignPage)
	for _, mode := range []string{"cors", "no-cors"} {
		got := v.eval(`fetch("https://api.triport.io/v1/auth/attribute", { method: "POST", credentials: "include", body: "{}", mode: "` + mode + `" })
			.then((r) => r.type + " " + r.status, (e) => e.name)`)
		if got != "TypeError" {
			t.Errorf("in mode %s the foreign page gets %s, want only an error", mode, got)
		}
	}
	calls := v.calls("POST")
	if len(calls) != 2 {
		t.Errorf("%d calls arrived, want 2", len(calls))
	}
	for _, c := range calls {
		if c.Status != 403 || len(c.cookies()["nl_session"]) != 1 {
			t.Errorf("the response to a call with %d sessions is %d", len(c.cookies()["nl_session"]), c.Status)
		}
	}
	v.wantNoEffect()
}

func TestForeignPageCannotFrameLandingPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, subdomains)
	for _, host := range []string{foreignHost, siblingHost} {
		s.html(host+"/page", `<iframe src="https://api.triport.io/"></iframe>`)
		c := newProfile(s, thirdPartyAllowed).open()
		c.visit("https://" + host + "/page")
		c.eventually("the browser's message about the frame", func() bool {
			return strings.Contains(c.console(), "frame-ancestors")
		})
		c.close()
	}
}

// TestForeignPagesSetNoReferralCookie attempts cookie stuffing: a foreign page loads a referral link without
// the visitor's knowledge.
func TestForeignPagesSetNoReferralCookie(t *testing.T) {
	t.Parallel()
	s := newSite(t, subdomains)
	links := map[string]string{
		"/?ref=img-tag":     `<img src="https://api.triport.io/?ref=img-tag">`,
		"/r/short-link":     `<img src="https://api.triport.io/r/short-link">`,
		"/?ref=frame-tag":   `<iframe src="https://api.triport.io/?ref=frame-tag"></iframe>`,
		"/?ref=script-tag":  `<script src="https://api.triport.io/?ref=script-tag"></script>`,
		"/?ref=link-tag":    `<link rel="stylesheet" href="https://api.triport.io/?ref=link-tag">`,
		"/?ref=fetch-call":  `<script>fetch("https://api.triport.io/?ref=fetch-call", { mode: "no-cors", credentials: "include" })</script>`,
		"/?ref=beacon-call": `<script>fetch("https://api.triport.io/?ref=beacon-call", { mode: "no-cors", credentials: "include", keepalive: true })</script>`,
	}
	var body string
	for _, html := range links {
		body += html
	}
	s.html(foreignHost+"/page", body)
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit(foreignPage)
	for uri := range links {
		c.eventually("the request for "+uri, func() bool { return len(s.visits(uri)) == 1 })
		if s.visits(uri)[0].ResponseHeader.Get("Set-Cookie") == "" {
			t.Errorf("the response to %s sets no cookie, so this test proves nothing about it", uri)
		}
	}
	c.wantRefCode("")
}
