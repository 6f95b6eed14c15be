package browser

import (
	"net/http"
	"testing"
)

const everywhere = "; Domain=triport.io; Path=/; Secure"

// toTheCall is a path beside which Path=/ is the shorter one: what is tossed there comes first.
const toTheCall = "; Domain=triport.io; Path=/v1/auth; Secure"

func TestATossedCSRFTokenIsRefused(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.toss("nl_csrf=" + v.product.session(v.mallory).CSRF + everywhere)
	v.visit("https://" + consoleHost + "/fetch") // its own script calls, with the token it reads
	v.eventually("the call", func() bool { return len(v.calls("POST")) == 1 })
	if got := v.eval(call); got != "403 csrf_invalid" {
		t.Errorf("with a tossed token the call is answered %s", got)
	}
	for _, c := range v.calls("POST") {
		if c.Status != 403 || c.cookies()["nl_csrf"][0] != c.Header.Get("X-CSRF-Token") {
			t.Errorf("the call is answered %d, and its header and cookie agree: %t", c.Status, c.cookies()["nl_csrf"][0] == c.Header.Get("X-CSRF-Token"))
		}
	}
	v.wantReferrer(v.bob, nil)
	v.wantRef(v.ann.Code)

	v.visit(signInURL) // which brings the right token back
	v.wantUnharmed()
}

func TestATossedSessionSignsNobodyElseIn(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	hers := v.product.session(v.mallory)

	v.toss("nl_session=" + hers.Session + everywhere)
	if jar := v.jar("nl_session"); len(jar) != 1 || jar[0].Value != v.session() {
		t.Errorf("a script has replaced the session cookie")
	}
	v.toss("nl_session="+hers.Session+toTheCall, "nl_csrf="+hers.CSRF+toTheCall)
	if jar := v.jar("nl_session"); len(jar) != 2 {
		t.Fatalf("the browser holds %d sessions, want both", len(jar))
	}
	v.visit("https://" + consoleHost + "/sign-in")
	if got := v.eval(call); got != "401 unauthenticated" {
		t.Errorf("with the sessions of two users the call is answered %s", got)
	}
	v.toss("nl_session="+toTheCall+"; Max-Age=0", "nl_csrf="+toTheCall+"; Max-Age=0")
	v.wantUnharmed()
}

func TestATossedReferralDoesNotReplaceThePlantedOne(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.toss("ref_code=" + v.mallory.Code + everywhere)
	v.wantUnharmed()
}

// TestASiblingCanPutAReferralFirst holds down a limit that the documentation names: subdomains are
// trusted with referrals, as whoever shows a link is.
func TestASiblingCanPutAReferralFirst(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.toss("ref_code=" + v.mallory.Code + toTheCall)
	v.wantOutcome(fetchPage, attributed)
	v.wantReferrer(v.bob, &v.mallory)
	v.wantRef(v.mallory.Code) // out of reach of a deletion with Path=/
	v.wantOutcome(fetchPage, `{"attributed":false,"reason":"already_attributed"}`)
}

// TestASiblingsCallIsNotSent: Lax cookies go along from a sibling, and it can read the token. What
// stops it is that it is not listed.
func TestASiblingsCallIsNotSent(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.toss()
	if got := v.eval(call); got != "TypeError" || len(v.calls("POST")) != 0 {
		t.Errorf("the sibling's call got %s, %d calls arrived", got, len(v.calls("POST")))
	}
	v.wantUnharmed()
}

// TestASiblingsCallIsRefusedEvenBehindACarelessProxy: a proxy that adds CORS headers for everybody
// takes the browser's defence away. The origin is looked at all the same.
func TestASiblingsCallIsRefusedEvenBehindACarelessProxy(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.careless(func(request *http.Request, answer http.Header) {
		answer.Set("Access-Control-Allow-Origin", request.Header.Get("Origin"))
		answer.Set("Access-Control-Allow-Credentials", "true")
		answer.Set("Access-Control-Allow-Headers", "Content-Type, X-CSRF-Token")
	})
	v.toss()
	if got := v.eval(call); got != "403 csrf_invalid" {
		t.Errorf("the sibling's call is answered %s", got)
	}
	post := v.calls("POST")[0]
	if len(post.cookies()["nl_session"]) != 1 || post.Header.Get("X-CSRF-Token") != post.cookies()["nl_csrf"][0] {
		t.Error("the call lacks the session or the token, so this test shows nothing")
	}
	v.wantUnharmed()
}
