package browser

import (
	"strings"
	"testing"
	"time"
)

// A visitor follows a link, leaves, returns another day and signs in. The console's page then calls the
// endpoint exactly as the public page shows.
func TestJourney(t *testing.T) {
	t.Parallel()
	for name, journey := range map[string]struct {
		link    func(code string) string
		page    string
		console string // message of the example on the console
		again   string
	}{
		"?ref= and the fetch example": {func(code string) string { return refLink + code }, fetchPage, "", "not attributed: no_cookie"},
		"/r/ and the SDK example":     {func(code string) string { return shortLink + code }, sdkPage, "referral attributed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, subdomains)
			s.examples()
			ann, bob := s.User("ann"), s.User("bob")
			s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
			visitor := newProfile(s, thirdPartyAllowed)

			first := visitor.open()
			first.visit(journey.link(ann.Code))
			if title := first.eval("document.title"); title != "Triport Console" {
				t.Errorf("the link leads to a page with the title %q", title)
			}
			first.wantRefCookie(ann.Code)
			first.close()

			second := visitor.open() // the same profile, another process
			second.wantRefCode(ann.Code)
			second.visit(signInURL)
			second.wantResult(journey.page, attributed)
			second.wantRefCode("")
			if !strings.Contains(second.console(), journey.console) {
				t.Errorf("the console has %q, want %q", second.console(), journey.console)
			}
			s.wantReferrer(bob, &ann)
			if n := s.inspect(ann).Invitees.Count; n != 1 {
				t.Errorf("the referrer has %d invitees, want 1", n)
			}

			second.wantResult(journey.page, noCookie)
			if !strings.Contains(second.console(), journey.again) {
				t.Errorf("the console has %q, want %q", second.console(), journey.again)
			}
			s.wantReferrer(bob, &ann)
		})
	}
}

// wantRefCookie checks that the browser stored ref_code with all documented attributes.
func (c *chrome) wantRefCookie(code string) {
	c.t.Helper()
	found := c.cookies("ref_code")
	if len(found) != 1 {
		c.t.Fatalf("the browser has %d ref_code cookies, want 1", len(found))
	}
	k := found[0]
	if k.Value != code || k.Domain != ".triport.io" || k.Path != "/" || !k.HTTPOnly || !k.Secure || k.SameSite != "Lax" || k.Session {
		c.t.Errorf("the browser has %+v", *k)
	}
	const days = 30
	if left := time.Until(time.Unix(int64(k.Expires), 0)); left < (days-1)*24*time.Hour || left > days*24*time.Hour {
		c.t.Errorf("the cookie lasts for %s, want %d days", left, days)
	}
}
