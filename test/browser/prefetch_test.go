package browser

import (
	"fmt"
	"strings"
	"testing"
)

// prefetches are the ways of a page to fetch a link that the visitor may never follow. The page is on the
// host of the link, where browsers allow the most.
var prefetches = map[string]string{
	"link rel=prefetch": `<link rel="prefetch" href="%s">`,
	"prefetch rules":    `<script type="speculationrules">{"prefetch": [{"source": "list", "urls": ["%s"], "eagerness": "immediate"}]}</script>`,
	"prerender rules":   `<script type="speculationrules">{"prerender": [{"source": "list", "urls": ["%s"], "eagerness": "immediate"}]}</script>`,
}

func TestPrefetchSetsNoReferralCookie(t *testing.T) {
	t.Parallel()
	for name, html := range prefetches {
		for _, link := range []string{"/?ref=guessed-at", "/r/guessed-at"} {
			t.Run(name+" of "+link, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, subdomains)
				s.html(apiHost+"/offers", fmt.Sprintf(html, link))
				c := newProfile(s, thirdPartyAllowed).open()
				c.openTab("https://" + apiHost + "/offers")
				c.eventually("the prefetch", func() bool { return len(s.visits(link)) > 0 })
				if purpose := s.visits(link)[0].Header.Get("Sec-Purpose"); !strings.HasPrefix(purpose, "prefetch") {
					t.Errorf("%s was fetched for the purpose %q, so this test proves nothing", link, purpose)
				}
				c.visit("https://" + apiHost + "/healthz") // after this the browser has processed the response
				c.wantRefCode("")
			})
		}
	}
}
