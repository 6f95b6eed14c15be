package browser

import (
	"strings"
	"testing"
)

// sdkAt is the SDK example with the base URL that a set-up needs.
func sdkAt(t *testing.T, baseURL string) string {
	t.Helper()
	const plain = "new TriportConsole()"
	code := sdkExample(t)
	if !strings.Contains(code, plain) {
		t.Fatalf("the example has no %s", plain)
	}
	return strings.Replace(code, plain, "new TriportConsole({ baseUrl: "+baseURL+" })", 1)
}

func TestOneHostNeedsNeitherDomainNorCORS(t *testing.T) {
	t.Parallel()
	s := newSite(t, `proxy: {trusted: [127.0.0.1]}`)
	ann, bob := s.user("ann@example.com"), s.user("bob@example.com")
	s.sdk(consoleHost)
	s.html(consoleHost+"/welcome", module(sdkAt(t, "location.origin")))
	s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyBlocked).open()
	c.visit("https://" + consoleHost + "/?ref=" + ann.Code)
	c.visit(signInURL)
	for _, name := range []string{"ref_code", "nl_session", "nl_csrf"} {
		if jar := c.jar(name); len(jar) != 1 || jar[0].Domain != consoleHost || !jar[0].Secure {
			t.Errorf("the browser holds %d %s, want one that is Secure and of this host only", len(jar), name)
		}
	}
	c.wantOutcome("https://"+consoleHost+"/welcome", attributed)
	c.wantRef("")
	s.wantReferrer(bob, &ann)
	if n := len(s.calls("OPTIONS")); n != 0 {
		t.Errorf("%d preflights arrived, want none", n)
	}
	for _, call := range s.calls("POST") {
		if got := call.Answer.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
	}
}

// TestSubdomainsNeedADomain: without cookies.domain the page on the other subdomain has no token to
// send. The printed example then sends the word null.
func TestSubdomainsNeedADomain(t *testing.T) {
	t.Parallel()
	s := newSite(t, strings.Replace(deployed, "cookies: {domain: triport.io}", "", 1))
	s.examples()
	bob := s.user("bob@example.com")
	s.signInPage(apiHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit("https://" + apiHost + "/sign-in")
	c.visit(fetchPage)
	c.eventually("the call", func() bool { return len(s.calls("POST")) == 1 })
	if post := s.calls("POST")[0]; post.Status != 403 || post.Header.Get("X-CSRF-Token") != "null" || len(post.cookies()["nl_session"]) != 1 {
		t.Errorf("the call with the token %q is answered %d", post.Header.Get("X-CSRF-Token"), post.Status)
	}
	s.wantReferrer(bob, nil)
}

// TestAnotherSiteIsNotASetUp: a console on another registrable domain gets no Lax cookie through,
// though it is listed.
func TestAnotherSiteIsNotASetUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, strings.Replace(deployed, "https://console.triport.io", "https://"+foreignHost, 1))
	bob := s.user("bob@example.com")
	s.signInPage(apiHost+"/sign-in", s.signIn(bob, secureAlways))
	s.html(foreignHost+"/page", "")
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit("https://" + apiHost + "/sign-in")
	c.visit(foreignPage)
	if got := c.eval(call); got != "401 unauthenticated" {
		t.Errorf("the call is answered %s", got)
	}
	if post := s.calls("POST")[0]; len(post.cookies()) != 0 {
		t.Errorf("the call carries the cookies %v", post.cookies())
	}
}

// TestLocalhostIsASetUp: in development the page and the server are two ports of localhost, plain HTTP.
// Cookies know no ports; CORS does. 127.0.0.1, where the server says it listens, is another site.
func TestLocalhostIsASetUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, `cors: {origins: ["http://localhost:PLAINPORT"]}`)
	ann, bob := s.user("ann@example.com"), s.user("bob@example.com")
	api := "http://localhost:" + portOf(s.url)
	page := "http://localhost:" + portOf(s.plain.URL)
	s.sdk(localHost)
	s.signInPage(localHost+"/sign-in", s.signIn(bob))
	s.html(localHost+"/welcome", module(sdkAt(t, `"`+api+`"`)))
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit(api + "/r/" + ann.Code)
	c.visit(page + "/sign-in")
	if got := c.eval(strings.Replace(call, "https://"+apiHost, s.url, 1)); got != "401 unauthenticated" {
		t.Errorf("a call to 127.0.0.1 from localhost is answered %s", got)
	}
	c.wantOutcome(page+"/welcome", attributed)
	c.wantRef("")
	s.wantReferrer(bob, &ann)
}
