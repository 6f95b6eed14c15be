package browser

import (
	"strings"
	"testing"
	"time"
)

// TestTheJourney is the whole of it: a visitor follows a link, leaves, comes back another day, signs
// in, and the console's page calls as the public page prints it.
func TestTheJourney(t *testing.T) {
	t.Parallel()
	for name, journey := range map[string]struct {
		link    func(code string) string
		page    string
		console string // what the example says on the console
		again   string
	}{
		"?ref= and the fetch example": {func(code string) string { return landingRef + code }, fetchPage, "", "not attributed: no_cookie"},
		"/r/ and the SDK example":     {func(code string) string { return landingShrt + code }, sdkPage, "referral attributed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, deployed)
			s.examples()
			ann, bob := s.user("ann@example.com"), s.user("bob@example.com")
			s.signInPage(consoleHost+"/sign-in", s.signIn(bob, secureAlways))
			visitor := newProfile(s, thirdPartyAllowed)

			first := visitor.open()
			first.visit(journey.link(ann.Code))
			if title := first.eval("document.title"); title != "Triport Console" {
				t.Errorf("the link leads to a page called %q", title)
			}
			first.wantRefCookie(ann.Code)
			first.close()

			second := visitor.open() // the same profile, another process
			second.wantRef(ann.Code)
			second.visit(signInURL)
			second.wantOutcome(journey.page, attributed)
			second.wantRef("")
			if !strings.Contains(second.heard(), journey.console) {
				t.Errorf("the console was told %q, want %q", second.heard(), journey.console)
			}
			s.wantReferrer(bob, &ann)
			if n := s.inspect(ann).Invitees.Count; n != 1 {
				t.Errorf("the referrer has %d invitees, want 1", n)
			}

			second.wantOutcome(journey.page, noCookie)
			if !strings.Contains(second.heard(), journey.again) {
				t.Errorf("the console was told %q, want %q", second.heard(), journey.again)
			}
			s.wantReferrer(bob, &ann)
		})
	}
}

// wantRefCookie demands that the browser took ref_code with every attribute the documentation names.
func (c *chrome) wantRefCookie(code string) {
	c.t.Helper()
	found := c.jar("ref_code")
	if len(found) != 1 {
		c.t.Fatalf("the browser holds %d ref_code cookies, want 1", len(found))
	}
	k := found[0]
	if k.Value != code || k.Domain != ".triport.io" || k.Path != "/" || !k.HTTPOnly || !k.Secure || k.SameSite != "Lax" || k.Session {
		c.t.Errorf("the browser holds %+v", *k)
	}
	const days = 30
	if left := time.Until(time.Unix(int64(k.Expires), 0)); left < (days-1)*24*time.Hour || left > days*24*time.Hour {
		c.t.Errorf("the cookie lasts for %s, want %d days", left, days)
	}
}
