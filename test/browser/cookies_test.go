package browser

import (
	"strings"
	"testing"
)

func TestScriptsCannotReadTheSecrets(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	for _, address := range []string{landingURL, "https://" + consoleHost + "/sign-in", "https://" + siblingHost + "/page"} {
		v.html(siblingHost+"/page", "")
		v.visit(address)
		seen := v.eval(`document.cookie + "; " + (await cookieStore.getAll()).map((c) => c.name + "=" + c.value).join("; ")`)
		for _, secret := range []string{"nl_session", v.session(), "ref_code", v.ann.Code} {
			if strings.Contains(seen, secret) {
				t.Errorf("a script on %s can read %s", address, secret)
			}
		}
		if strings.Count(seen, "nl_csrf=") != 2 {
			t.Errorf("a script on %s cannot read nl_csrf, so this test shows nothing", address)
		}
	}
	v.wantUnharmed()
}

func TestCookiesOfHTTPSNeverTravelInTheClear(t *testing.T) {
	t.Parallel()
	v := newVictim(t, "Lax")
	v.visit("http://" + apiHost + "/")
	plain := v.exchanges(func(x exchange) bool { return x.Scheme == "http" && x.Host == apiHost && x.URI == "/" })
	if len(plain) != 1 {
		t.Fatalf("%d plain requests arrived, want 1", len(plain))
	}
	if got := plain[0].cookies(); len(got) != 0 {
		t.Errorf("a plain request carries the cookies %v", got)
	}
	// Whoever sits on the line can answer plain requests with pages of their own. Such a page can
	// neither read the cookies nor put others over them.
	v.html(siblingHost+"/toss", "")
	v.visit("http://" + siblingHost + "/toss")
	for _, name := range []string{"nl_csrf", "nl_session", "ref_code"} {
		v.eval(`document.cookie = "` + name + `=on-the-line; Domain=triport.io; Path=/"`)
	}
	if seen := v.eval(`document.cookie`); seen != "" {
		t.Errorf("a plain page can read %s", seen)
	}
	v.wantUnharmed()
}

// TestOnlyATrustedProxyMakesCookiesSecure is the same visit without proxy.trusted: the server has no
// reason to believe that the visitor came by HTTPS.
func TestOnlyATrustedProxyMakesCookiesSecure(t *testing.T) {
	t.Parallel()
	s := newSite(t, `cookies: {domain: triport.io}`)
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit(landingRef + "some-code")
	if jar := c.jar("ref_code"); len(jar) != 1 || jar[0].Secure {
		t.Errorf("the browser holds %d cookies, want one that is not Secure", len(jar))
	}
}

// TestTheJourneyNeedsNoThirdPartyCookies: subdomains of one domain are one site.
func TestTheJourneyNeedsNoThirdPartyCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t, deployed)
	s.examples()
	ann, bob := s.user("ann@example.com"), s.user("bob@example.com")
	s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyBlocked).open()
	c.visit(landingRef + ann.Code)
	c.visit(signInURL)
	c.wantOutcome(fetchPage, attributed)
	s.wantReferrer(bob, &ann)
}
