package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshots is the variable that may name a directory for pictures of the landing page.
const screenshots = "TRIPORT_SCREENSHOTS"

func TestLandingPageFitsEveryScreen(t *testing.T) {
	t.Parallel()
	s := newSite(t, subdomains)
	c := newProfile(s, thirdPartyAllowed).open()
	backgrounds := make(map[string]string)
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"phone", 390, 844}, {"narrow", 320, 568}, {"desktop", 1280, 800}} {
		for _, scheme := range []string{"light", "dark"} {
			do(c, chromedp.EmulateViewport(screen.width, screen.height))
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
			if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
				t.Fatal(err)
			}
			c.visit(refLink + "some-code")
			if got := c.eval("document.documentElement.scrollWidth"); got != fmt.Sprint(screen.width) {
				t.Errorf("on a %s the page is %s pixels wide, the screen %d", screen.name, got, screen.width)
			}
			if got := c.eval("getComputedStyle(document.querySelector('h1')).fontSize"); got != "28px" {
				t.Errorf("the heading is %s high: the page's policy blocks its own style", got)
			}
			backgrounds[scheme] = c.eval("getComputedStyle(document.body).backgroundColor")
			c.screenshot(screen.name + "-" + scheme + ".png")
		}
	}
	if backgrounds["light"] == backgrounds["dark"] {
		t.Errorf("light and dark look the same: %s", backgrounds["dark"])
	}
	if messages := c.console(); messages != "" {
		t.Errorf("messages of the browser about the page:\n%s", messages)
	}
}

// screenshot writes a picture of the tab if TRIPORT_SCREENSHOTS is set.
func (c *chrome) screenshot(name string) {
	c.t.Helper()
	dir := os.Getenv(screenshots)
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), do(c, chromedp.CaptureScreenshot()), 0o644); err != nil {
		c.t.Fatal(err)
	}
}
