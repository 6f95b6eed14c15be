package browser

import (
	"strings"
	"testing"
)

func TestScriptsCannotReadHTTPOnlyCookies(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	for _, address := range []string{landingURL, "https://" + consoleHost + "/sign-in", "https://" + siblingHost + "/page"} {
		v.html(siblingHost+"/page", "")
		v.visit(address)
		readable := v.eval(`document.cookie + "; " + (await cookieStore.getAll()).map((c) => c.name + "=" + c.value).join("; ")`)
		for _, secret := range []string{"nl_session", v.session(), "ref_code", v.ann.Code} {
			if strings.Contains(readable, secret) {
				t.Errorf("a script on %s can read %s", address, secret)
			}
		}
		if strings.Count(readable, "nl_csrf=") != 2 {
			t.Errorf("a script on %s cannot read nl_csrf, so this test proves nothing", address)
		}
	}
	v.wantNoEffect()
}

func TestSecureCookiesAreNotSentOverPlainHTTP(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.visit("http://" + apiHost + "/")
	plain := v.requests(func(r request) bool { return r.Scheme == "http" && r.Host == apiHost && r.URI == "/" })
	if len(plain) != 1 {
		t.Fatalf("%d plain requests arrived, want 1", len(plain))
	}
	if got := plain[0].cookies(); len(got) != 0 {
		t.Errorf("a plain request carries the cookies %v", got)
	}
	// An attacker in the network can respond to plain requests with any page. Such a page can neither
	// read nor overwrite the cookies.
	v.html(siblingHost+"/page", "")
	v.visit("http://" + siblingHost + "/page")
	for _, name := range []string{"nl_csrf", "nl_session", "ref_code"} {
		v.eval(`document.cookie = "` + name + `=from-the-network; Domain=triport.io; Path=/"`)
	}
	if readable := v.eval(`document.cookie`); readable != "" {
		t.Errorf("a plain page can read %s", readable)
	}
	v.wantNoEffect()
}

// TestOnlyTrustedProxyMakesCookiesSecure makes the same visit without proxy.trusted: the server must not
// believe that the visitor used HTTPS.
func TestOnlyTrustedProxyMakesCookiesSecure(t *testing.T) {
	t.Parallel()
	s := newSite(t, `cookies: {domain: triport.io}`)
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit(refLink + "some-code")
	if found := c.cookies("ref_code"); len(found) != 1 || found[0].Secure {
		t.Errorf("the browser has %d cookies, want one that is not Secure", len(found))
	}
}

// Subdomains of one domain are one site.
func TestJourneyWorksWithThirdPartyCookiesBlocked(t *testing.T) {
	t.Parallel()
	s := newSite(t, subdomains)
	s.examples()
	ann, bob := s.User("ann"), s.User("bob")
	s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyBlocked).open()
	c.visit(refLink + ann.Code)
	c.visit(signInURL)
	c.wantResult(fetchPage, attributed)
	s.wantReferrer(bob, &ann)
}
