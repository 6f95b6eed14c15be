package browser

import (
	_ "embed"
	"strings"
	"testing"
)

// attributePage is the public page of the endpoint, as it is printed.
//
//go:embed testdata/attribute.txt
var attributePage string

// example returns the code that the page prints between two of its headings, unchanged.
func example(t *testing.T, from, to string) string {
	t.Helper()
	_, code, ok := strings.Cut(attributePage, from)
	code, _, ok2 := strings.Cut(code, to)
	if !ok || !ok2 {
		t.Fatalf("the page has nothing between %q and %q", from, to)
	}
	return code
}

func fetchExample(t *testing.T) string {
	return example(t, "JavaScript (fetch)\n", "TypeScript SDK (@triport/sdk)")
}

func sdkExample(t *testing.T) string {
	return example(t, "TypeScript SDK (@triport/sdk)\n", "Python (triport-sdk)\n")
}

// show is the page's own line behind an example: it shows the outcome that the example has read. Both
// examples leave it in the same two constants.
const show = `
document.querySelector("output").textContent = JSON.stringify({ attributed, reason });
`

// module is a page that runs code as its own script, with top-level await as in the examples.
func module(code string) string {
	return `<output></output><script type="importmap">{"imports": {"@triport/sdk": "/sdk/index.js"}}</script>
<script type="module">` + code + show + `</script>`
}

// outcome opens a page that runs an example and returns what it shows.
func (c *chrome) outcome(address string) string {
	c.t.Helper()
	c.visit(address)
	c.waitFor(`document.querySelector("output").textContent !== ""`)
	return c.eval(`document.querySelector("output").textContent`)
}

func (c *chrome) wantOutcome(address, want string) {
	c.t.Helper()
	if got := c.outcome(address); got != want {
		c.t.Errorf("%s shows %s, want %s", address, got, want)
	}
}

const (
	attributed  = `{"attributed":true}`
	noCookie    = `{"attributed":false,"reason":"no_cookie"}`
	fetchPage   = "https://" + consoleHost + "/fetch"
	sdkPage     = "https://" + consoleHost + "/sdk-example"
	signInURL   = "https://" + consoleHost + "/sign-in"
	landingURL  = "https://" + apiHost + "/"
	landingRef  = landingURL + "?ref="
	landingShrt = landingURL + "r/"
)

// examples puts both printed examples on the console's host.
func (s *site) examples() {
	s.t.Helper()
	s.html(consoleHost+"/fetch", module(fetchExample(s.t)))
	s.html(consoleHost+"/sdk-example", module(sdkExample(s.t)))
	s.sdk(consoleHost)
}
