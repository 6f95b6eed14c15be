package browser

import (
	"strings"
	"testing"
)

// sdkAt returns the SDK example with another base URL.
func sdkAt(t *testing.T, baseURL string) string {
	t.Helper()
	const constructor = "new TriportConsole()"
	code := sdkExample(t)
	if !strings.Contains(code, constructor) {
		t.Fatalf("the example has no %s", constructor)
	}
	return strings.Replace(code, constructor, "new TriportConsole({ baseUrl: "+baseURL+" })", 1)
}

func TestSingleHostNeedsNeitherCookieDomainNorCORS(t *testing.T) {
	t.Parallel()
	s := newSite(t, `proxy: {trusted: [127.0.0.1]}`)
	ann, bob := s.User("ann"), s.User("bob")
	s.sdk(consoleHost)
	s.html(consoleHost+"/welcome", modulePage(sdkAt(t, "location.origin")))
	s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyBlocked).open()
	c.visit("https://" + consoleHost + "/?ref=" + ann.Code)
	c.visit(signInURL)
	for _, name := range []string{"ref_code", "nl_session", "nl_csrf"} {
		if found := c.cookies(name); len(found) != 1 || found[0].Domain != consoleHost || !found[0].Secure {
			t.Errorf("the browser has %d %s, want one that is Secure and only for this host", len(found), name)
		}
	}
	c.wantResult("https://"+consoleHost+"/welcome", attributed)
	c.wantRefCode("")
	s.wantReferrer(bob, &ann)
	if n := len(s.calls("OPTIONS")); n != 0 {
		t.Errorf("%d preflights arrived, want none", n)
	}
	for _, call := range s.calls("POST") {
		if got := call.ResponseHeader.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
	}
}

// Without cookies.domain the page on the other subdomain has no token to send. The public page's example
// then sends "null".
func TestSubdomainsNeedCookieDomain(t *testing.T) {
	t.Parallel()
	s := newSite(t, strings.Replace(subdomains, "cookies: {domain: triport.io}", "", 1))
	s.examples()
	bob := s.User("bob")
	s.signInPage(apiHost+"/sign-in", s.signIn(bob, secureAlways))
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit("https://" + apiHost + "/sign-in")
	c.visit(fetchPage)
	c.eventually("the call", func() bool { return len(s.calls("POST")) == 1 })
	if post := s.calls("POST")[0]; post.Status != 403 || post.Header.Get("X-CSRF-Token") != "null" || len(post.cookies()["nl_session"]) != 1 {
		t.Errorf("the response to the call with the token %q is %d", post.Header.Get("X-CSRF-Token"), post.Status)
	}
	s.wantReferrer(bob, nil)
}

// A page on another registrable domain cannot send Lax cookies, even if its origin is listed.
func TestConsoleOnAnotherSiteIsNotSupported(t *testing.T) {
	t.Parallel()
	s := newSite(t, strings.Replace(subdomains, "https://console.triport.io", "https://"+foreignHost, 1))
	bob := s.User("bob")
	s.signInPage(apiHost+"/sign-in", s.signIn(bob, secureAlways))
	s.html(foreignHost+"/page", "")
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit("https://" + apiHost + "/sign-in")
	c.visit(foreignPage)
	if got := c.eval(call); got != "401 unauthenticated" {
		t.Errorf("the response is %s", got)
	}
	if post := s.calls("POST")[0]; len(post.cookies()) != 0 {
		t.Errorf("the call carries the cookies %v", post.cookies())
	}
}

// In development the page and the server use two ports of localhost and plain HTTP. Cookies ignore ports,
// CORS does not. 127.0.0.1, which the server prints as its address, is another site.
func TestConsoleOnLocalhostWorks(t *testing.T) {
	t.Parallel()
	s := newSite(t, `cors: {origins: ["http://localhost:PLAINPORT"]}`)
	ann, bob := s.User("ann"), s.User("bob")
	api := "http://localhost:" + portOf(s.URL)
	page := "http://localhost:" + portOf(s.plain.URL)
	s.sdk(localHost)
	s.signInPage(localHost+"/sign-in", s.signIn(bob))
	s.html(localHost+"/welcome", modulePage(sdkAt(t, `"`+api+`"`)))
	c := newProfile(s, thirdPartyAllowed).open()
	c.visit(api + "/r/" + ann.Code)
	c.visit(page + "/sign-in")
	if got := c.eval(strings.Replace(call, "https://"+apiHost, s.URL, 1)); got != "401 unauthenticated" {
		t.Errorf("the response to a call from localhost to 127.0.0.1 is %s", got)
	}
	c.wantResult(page+"/welcome", attributed)
	c.wantRefCode("")
	s.wantReferrer(bob, &ann)
}
