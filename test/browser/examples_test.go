package browser

import (
	_ "embed"
	"strings"
	"testing"
)

// attributePage is the public page of the endpoint.
//
//go:embed testdata/attribute.txt
var attributePage string

// example returns the code between two headings of the page, unchanged.
func example(t *testing.T, from, to string) string {
	t.Helper()
	_, code, ok := strings.Cut(attributePage, from)
	code, _, ok2 := strings.Cut(code, to)
	if !ok || !ok2 {
		t.Fatalf("the page has no code between %q and %q", from, to)
	}
	return code
}

func fetchExample(t *testing.T) string {
	return example(t, "JavaScript (fetch)\n", "TypeScript SDK (@triport/sdk)")
}

func sdkExample(t *testing.T) string {
	return example(t, "TypeScript SDK (@triport/sdk)\n", "Python (triport-sdk)\n")
}

// showResult follows an example in a page and shows its result. Both examples have the result in the same
// two constants.
const showResult = `
document.querySelector("output").textContent = JSON.stringify({ attributed, reason });
`

// modulePage is a page with code as a module script, because the examples use top-level await.
func modulePage(code string) string {
	return `<output></output><script type="importmap">{"imports": {"@triport/sdk": "/sdk/index.js"}}</script>
<script type="module">` + code + showResult + `</script>`
}

// result opens a page that runs an example and returns the result that it shows.
func (c *chrome) result(address string) string {
	c.t.Helper()
	c.visit(address)
	c.waitFor(`document.querySelector("output").textContent !== ""`)
	return c.eval(`document.querySelector("output").textContent`)
}

func (c *chrome) wantResult(address, want string) {
	c.t.Helper()
	if got := c.result(address); got != want {
		c.t.Errorf("%s shows %s, want %s", address, got, want)
	}
}

const (
	attributed = `{"attributed":true}`
	noCookie   = `{"attributed":false,"reason":"no_cookie"}`
	fetchPage  = "https://" + consoleHost + "/fetch"
	sdkPage    = "https://" + consoleHost + "/sdk-example"
	signInURL  = "https://" + consoleHost + "/sign-in"
	landingURL = "https://" + apiHost + "/"
	refLink    = landingURL + "?ref="
	shortLink  = landingURL + "r/"
)

// examples adds pages with both examples to the console's host.
func (s *site) examples() {
	s.t.Helper()
	s.html(consoleHost+"/fetch", modulePage(fetchExample(s.t)))
	s.html(consoleHost+"/sdk-example", modulePage(sdkExample(s.t)))
	s.sdk(consoleHost)
}
