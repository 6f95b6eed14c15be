package browser

import (
	"fmt"
	"strings"
	"testing"
)

// victim is Bob in his browser: he came by Ann's link and is signed in, and the console's page has not
// called yet. Mallory has an account like everybody else.
type victim struct {
	*site
	*chrome
	t                 *testing.T
	ann, bob, mallory user
	cookies           []string // the Set-Cookie values of Bob's sign-in
}

// newVictim prepares the attack. sameSite is what the sign-in says of its cookies: Lax is the
// product's; with None, which careless services say, the other defences stand alone.
func newVictim(t *testing.T, sameSite string) *victim {
	t.Helper()
	s := newSite(t, deployed)
	v := &victim{site: s, t: t, ann: s.user("ann@example.com"), bob: s.user("bob@example.com"), mallory: s.user("mallory@example.com")}
	s.examples()
	for _, c := range s.signIn(v.bob, secureAlways) {
		if sameSite != "Lax" {
			c = strings.Replace(c, "SameSite=Lax", "SameSite="+sameSite, 1)
		}
		v.cookies = append(v.cookies, c)
	}
	s.signInPage(consoleHost+"/sign-in", v.cookies)
	v.chrome = newProfile(s, thirdPartyAllowed).open()
	v.visit(landingRef + v.ann.Code)
	v.visit(signInURL)
	v.wantRef(v.ann.Code)
	return v
}

// session is the value of Bob's nl_session.
func (v *victim) session() string {
	value, _, _ := strings.Cut(strings.TrimPrefix(v.cookies[0], "nl_session="), ";")
	return value
}

// wantUnharmed demands that the attack has left no trace: nothing is recorded, the referral is still
// remembered, and the console's own call attributes Bob to Ann.
func (v *victim) wantUnharmed() {
	v.t.Helper()
	v.wantReferrer(v.bob, nil)
	v.wantReferrer(v.mallory, nil)
	v.wantRef(v.ann.Code)
	v.wantOutcome(fetchPage, attributed)
	v.wantReferrer(v.bob, &v.ann)
}

// toss sets cookies by script from a page on the sibling subdomain.
func (v *victim) toss(cookies ...string) {
	v.t.Helper()
	v.html(siblingHost+"/toss", "")
	v.visit("https://" + siblingHost + "/toss")
	for _, c := range cookies {
		v.eval(fmt.Sprintf("document.cookie = %q", c))
	}
}

// call is a script that calls as the page's example does, and gives status and answer, or the name of
// the error that the browser throws.
const call = `fetch("https://api.triport.io/v1/auth/attribute", {
  method: "POST", credentials: "include", body: "{}",
  headers: { "Content-Type": "application/json", "X-CSRF-Token": /(?:^|; )nl_csrf=([^;]*)/.exec(document.cookie)?.[1] ?? "none" },
}).then(async (r) => r.status + " " + JSON.parse(await r.text()).error, (e) => e.name)`
