package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/triport/triport-console/test/program"
)

// victim is Bob in his browser: he used Ann's link and is signed in, but the console's page has not called
// the endpoint yet. Mallory is an attacker with an account.
type victim struct {
	*site
	*chrome
	t                 *testing.T
	ann, bob, mallory program.User
	setCookie         []string // the values of Bob's sign-in
}

// newVictim prepares an attack. sameSite is the attribute of the sign-in cookies. The product uses Lax.
// None, as some services set it, leaves only the other defenses.
func newVictim(t *testing.T, sameSite string) *victim {
	t.Helper()
	s := newSite(t, subdomains)
	v := &victim{site: s, t: t, ann: s.User("ann"), bob: s.User("bob"), mallory: s.User("mallory")}
	s.examples()
	for _, c := range s.signIn(v.bob, secureAlways) {
		if sameSite != "Lax" {
			c = strings.Replace(c, "SameSite=Lax", "SameSite="+sameSite, 1)
		}
		v.setCookie = append(v.setCookie, c)
	}
	s.signInPage(consoleHost+"/sign-in", v.setCookie)
	v.chrome = newProfile(s, thirdPartyAllowed).open()
	v.visit(refLink + v.ann.Code)
	v.visit(signInURL)
	v.wantRefCode(v.ann.Code)
	return v
}

// session returns the value of Bob's nl_session.
func (v *victim) session() string {
	value, _, _ := strings.Cut(strings.TrimPrefix(v.setCookie[0], "nl_session="), ";")
	return value
}

// wantNoEffect checks that the attack had no effect: nothing is recorded, the browser still has the referral,
// and the console's own call attributes Bob to Ann.
func (v *victim) wantNoEffect() {
	v.t.Helper()
	v.wantReferrer(v.bob, nil)
	v.wantReferrer(v.mallory, nil)
	v.wantRefCode(v.ann.Code)
	v.wantResult(fetchPage, attributed)
	v.wantReferrer(v.bob, &v.ann)
}

// setFromSibling sets cookies by script from a page on the sibling subdomain.
func (v *victim) setFromSibling(cookies ...string) {
	v.t.Helper()
	v.html(siblingHost+"/page", "")
	v.visit("https://" + siblingHost + "/page")
	for _, c := range cookies {
		v.eval(fmt.Sprintf("document.cookie = %q", c))
	}
}

// call is a script that calls the endpoint like the page's example. It returns the status and the error tag,
// or the name of the error that the browser throws.
const call = `fetch("https://api.triport.io/v1/auth/attribute", {
  method: "POST", credentials: "include", body: "{}",
  headers: { "Content-Type": "application/json", "X-CSRF-Token": /(?:^|; )nl_csrf=([^;]*)/.exec(document.cookie)?.[1] ?? "none" },
}).then(async (r) => r.status + " " + JSON.parse(await r.text()).error, (e) => e.name)`
