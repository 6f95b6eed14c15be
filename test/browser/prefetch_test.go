package browser

import (
	"fmt"
	"strings"
	"testing"
)

// speculations are the ways of a page to fetch a link that its reader may never follow. The page that
// speculates stands on the same host as the link, where a browser grants the most.
var speculations = map[string]string{
	"link rel=prefetch": `<link rel="prefetch" href="%s">`,
	"prefetch rules":    `<script type="speculationrules">{"prefetch": [{"source": "list", "urls": ["%s"], "eagerness": "immediate"}]}</script>`,
	"prerender rules":   `<script type="speculationrules">{"prerender": [{"source": "list", "urls": ["%s"], "eagerness": "immediate"}]}</script>`,
}

func TestSpeculationPlantsNothing(t *testing.T) {
	t.Parallel()
	for name, html := range speculations {
		for _, link := range []string{"/?ref=guessed-at", "/r/guessed-at"} {
			t.Run(name+" of "+link, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, deployed)
				s.html(apiHost+"/offers", fmt.Sprintf(html, link))
				c := newProfile(s, thirdPartyAllowed).open()
				c.visit("https://" + apiHost + "/offers")
				c.eventually("the speculation", func() bool { return len(s.visits(link)) > 0 })
				if purpose := s.visits(link)[0].Header.Get("Sec-Purpose"); !strings.HasPrefix(purpose, "prefetch") {
					t.Errorf("%s was fetched for the purpose %q, so this test shows nothing", link, purpose)
				}
				c.visit("https://" + apiHost + "/healthz") // by now the browser has read the answer
				c.wantRef("")
			})
		}
	}
}
