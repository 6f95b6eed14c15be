package browser

import (
	"net/http"
	"testing"
)

const domainWide = "; Domain=triport.io; Path=/; Secure"

// endpointPath is a longer path than Path=/. Browsers send cookies with longer paths first.
const endpointPath = "; Domain=triport.io; Path=/v1/auth; Secure"

func TestCSRFTokenSetBySiblingIsRejected(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.setFromSibling("nl_csrf=" + v.Session(v.mallory).CSRF + domainWide)
	v.visit("https://" + consoleHost + "/fetch") // its script calls with the token that it reads
	v.eventually("the call", func() bool { return len(v.calls("POST")) == 1 })
	if got := v.eval(call); got != "403 csrf_invalid" {
		t.Errorf("the response with the sibling's token is %s", got)
	}
	for _, c := range v.calls("POST") {
		if c.Status != 403 || c.cookies()["nl_csrf"][0] != c.Header.Get("X-CSRF-Token") {
			t.Errorf("the response is %d; header and cookie are equal: %t", c.Status, c.cookies()["nl_csrf"][0] == c.Header.Get("X-CSRF-Token"))
		}
	}
	v.wantReferrer(v.bob, nil)
	v.wantRefCode(v.ann.Code)

	v.visit(signInURL) // sets the right token again
	v.wantNoEffect()
}

func TestSessionSetBySiblingSignsNoOtherUserIn(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	mallorys := v.Session(v.mallory)

	v.setFromSibling("nl_session=" + mallorys.Token + domainWide)
	if found := v.cookies("nl_session"); len(found) != 1 || found[0].Value != v.session() {
		t.Errorf("a script has replaced the session cookie")
	}
	v.setFromSibling("nl_session="+mallorys.Token+endpointPath, "nl_csrf="+mallorys.CSRF+endpointPath)
	if found := v.cookies("nl_session"); len(found) != 2 {
		t.Fatalf("the browser has %d sessions, want both", len(found))
	}
	v.visit("https://" + consoleHost + "/sign-in")
	if got := v.eval(call); got != "401 unauthenticated" {
		t.Errorf("the response with the sessions of two users is %s", got)
	}
	v.setFromSibling("nl_session="+endpointPath+"; Max-Age=0", "nl_csrf="+endpointPath+"; Max-Age=0")
	v.wantNoEffect()
}

func TestSiblingCannotReplaceReferralCookie(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.setFromSibling("ref_code=" + v.mallory.Code + domainWide)
	v.wantNoEffect()
}

// This is a documented limit: subdomains can set referrals, as any page with a link can.
func TestSiblingCanSetReferralCookieThatComesFirst(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.setFromSibling("ref_code=" + v.mallory.Code + endpointPath)
	v.wantResult(fetchPage, attributed)
	v.wantReferrer(v.bob, &v.mallory)
	v.wantRefCode(v.mallory.Code) // a deletion with Path=/ does not reach it
	v.wantResult(fetchPage, `{"attributed":false,"reason":"already_attributed"}`)
}

// A sibling's requests carry Lax cookies, and it can read the token. The call fails because its origin is
// not listed.
func TestCallFromSiblingIsBlockedByPreflight(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.setFromSibling()
	if got := v.eval(call); got != "TypeError" || len(v.calls("POST")) != 0 {
		t.Errorf("the sibling got %s, %d calls arrived", got, len(v.calls("POST")))
	}
	v.wantNoEffect()
}

// A proxy that adds CORS headers for every origin disables the browser's check. The server still checks
// the origin.
func TestCallFromSiblingIsRejectedBehindPermissiveProxy(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.onResponse(func(r *http.Request, response http.Header) {
		response.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		response.Set("Access-Control-Allow-Credentials", "true")
		response.Set("Access-Control-Allow-Headers", "Content-Type, X-CSRF-Token")
	})
	v.setFromSibling()
	if got := v.eval(call); got != "403 csrf_invalid" {
		t.Errorf("the response to the sibling's call is %s", got)
	}
	post := v.calls("POST")[0]
	if len(post.cookies()["nl_session"]) != 1 || post.Header.Get("X-CSRF-Token") != post.cookies()["nl_csrf"][0] {
		t.Error("the call lacks the session or the token, so this test proves nothing")
	}
	v.wantNoEffect()
}
