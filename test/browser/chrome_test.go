package browser

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// patience bounds what must happen, on a busy machine.
const patience = 30 * time.Second

// profile is a visitor's browser as it lies on their disk.
type profile struct {
	t    *testing.T
	site *site
	dir  string
}

// thirdParty says what a visitor has set about cookies in foreign pages: cookie_controls_mode.
type thirdParty int

const (
	thirdPartyAllowed thirdParty = 0 // so that no test passes only because the browser is strict
	thirdPartyBlocked thirdParty = 1
)

func newProfile(s *site, cookies thirdParty) *profile {
	s.t.Helper()
	p := &profile{t: s.t, site: s, dir: s.t.TempDir()}
	preferences := filepath.Join(p.dir, "Default", "Preferences")
	if err := os.Mkdir(filepath.Dir(preferences), 0o700); err != nil {
		s.t.Fatal(err)
	}
	content := fmt.Sprintf(`{"profile": {"cookie_controls_mode": %d, "block_third_party_cookies": %t}}`, cookies, cookies == thirdPartyBlocked)
	if err := os.WriteFile(preferences, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// chrome is a running browser with one tab.
type chrome struct {
	t    *testing.T
	ctx  context.Context
	once sync.Once
	quit func()

	mu   sync.Mutex
	said []string // what the page's console was told
}

// open starts the browser. It stops at the end of the test, or at close.
func (p *profile) open() *chrome {
	p.t.Helper()
	_, fingerprint := authority()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("headless", "new"), chromedp.DisableGPU, chromedp.UserDataDir(p.dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("password-store", "basic"),
		chromedp.Flag("ignore-certificate-errors-spki-list", fingerprint),
		chromedp.Flag("host-resolver-rules", p.site.resolverRules()),
		// Plain HTTP must stay plain: what happens to cookies there is one of the questions.
		chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"),
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	c := &chrome{t: p.t, ctx: ctx}
	c.quit = func() {
		defer cancel()
		timed, giveUp := context.WithTimeout(ctx, patience)
		defer giveUp()
		// Gracefully, so that cookies are on the disk.
		if err := chromedp.Cancel(timed); err != nil {
			p.t.Errorf("close the browser: %v", err)
		}
	}
	p.t.Cleanup(c.close)
	go c.listen(chromedp.Console(ctx))
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("start the browser: %v", err)
	}
	return c
}

func (c *chrome) close() { c.once.Do(c.quit) }

// resolverRules send every host of the tests to the proxy, and no other host anywhere.
func (s *site) resolverRules() string {
	var rules []string
	for _, h := range hosts {
		rules = append(rules,
			"MAP "+h+":443 "+s.secure.Listener.Addr().String(),
			"MAP "+h+":80 "+s.plain.Listener.Addr().String())
	}
	return strings.Join(append(rules, "EXCLUDE localhost", "EXCLUDE 127.0.0.1", "MAP * ~NOTFOUND"), ", ")
}

// listen keeps what the page says, and what the browser says about the page.
func (c *chrome) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return // the browser is closed
		}
		c.mu.Lock()
		c.said = append(c.said, m.Text)
		c.mu.Unlock()
	}
}

// heard is what was said on the page's console so far.
func (c *chrome) heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.said, "\n")
}

// do runs an action in the tab.
func do[T any](c *chrome, action chromedp.Action[T]) T {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		c.t.Fatalf("%v; the page said:\n%s", err, c.heard())
	}
	return result
}

// visit opens an address and waits until the page has loaded.
func (c *chrome) visit(address string) {
	c.t.Helper()
	do(c, chromedp.Navigate(address))
}

// eval evaluates an expression in the page, awaits it when it is a promise, and returns its text.
func (c *chrome) eval(expression string) string {
	c.t.Helper()
	return do(c, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
}

// waitFor waits until an expression is true in the page, over navigations too.
func (c *chrome) waitFor(expression string) {
	c.t.Helper()
	c.eventually(expression, func() bool {
		ctx, cancel := context.WithTimeout(c.ctx, patience)
		defer cancel()
		// An error is a page that is just going away.
		truth, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && truth
	})
}

// eventually waits for something that happens outside of the page.
func (c *chrome) eventually(what string, happened func() bool) {
	c.t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if happened() {
			tick.Stop()
			return
		}
		select {
		case <-deadline:
			c.t.Fatalf("%s did not happen; the page said:\n%s", what, c.heard())
		case <-tick.C:
		}
	}
}

// jar returns every cookie of that name the browser holds, whoever may read it.
func (c *chrome) jar(name string) []*network.Cookie {
	c.t.Helper()
	all, err := chromedp.CallBrowser(c.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		c.t.Fatalf("read the browser's cookies: %v", err)
	}
	return slices.DeleteFunc(all.Cookies, func(cookie *network.Cookie) bool { return cookie.Name != name })
}

// wantRef demands that the browser remembers exactly this referral, or none when code is empty.
func (c *chrome) wantRef(code string) {
	c.t.Helper()
	var values []string
	for _, cookie := range c.jar("ref_code") {
		values = append(values, cookie.Value)
	}
	if got := strings.Join(values, " "); got != code {
		c.t.Errorf("ref_code in the browser is %q, want %q", got, code)
	}
}
