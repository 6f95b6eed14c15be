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
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// timeout is long enough for a busy machine.
const timeout = 30 * time.Second

// profile is the directory of a visitor's browser profile.
type profile struct {
	t    *testing.T
	site *site
	dir  string
}

// thirdPartyCookies is the visitor's setting for cookies in foreign pages: cookie_controls_mode.
type thirdPartyCookies int

const (
	thirdPartyAllowed thirdPartyCookies = 0 // so no test passes only because the browser is strict
	thirdPartyBlocked thirdPartyCookies = 1
)

func newProfile(s *site, cookies thirdPartyCookies) *profile {
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

	mu       sync.Mutex
	messages []string // of the page's console
}

// open starts the browser. It stops on close or at the end of the test.
func (p *profile) open() *chrome {
	p.t.Helper()
	_, fingerprint := certificate()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("headless", "new"), chromedp.DisableGPU, chromedp.UserDataDir(p.dir),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("password-store", "basic"),
		chromedp.Flag("ignore-certificate-errors-spki-list", fingerprint),
		chromedp.Flag("host-resolver-rules", p.site.resolverRules()),
		// Plain HTTP must stay plain: tests check the cookies on it.
		chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable"),
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator)
	c := &chrome{t: p.t, ctx: ctx}
	c.quit = func() {
		defer cancel()
		stopping, cancelStop := context.WithTimeout(ctx, timeout)
		defer cancelStop()
		// A graceful stop writes the cookies to disk.
		if err := chromedp.Cancel(stopping); err != nil {
			p.t.Errorf("close the browser: %v", err)
		}
	}
	p.t.Cleanup(c.close)
	go c.collectMessages(chromedp.Console(ctx))
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("start the browser: %v", err)
	}
	return c
}

func (c *chrome) close() { c.once.Do(c.quit) }

// resolverRules map every host of the tests to the proxy. Other hosts are not found.
func (s *site) resolverRules() string {
	var rules []string
	for _, h := range hosts {
		rules = append(rules,
			"MAP "+h+":443 "+s.secure.Listener.Addr().String(),
			"MAP "+h+":80 "+s.plain.Listener.Addr().String())
	}
	return strings.Join(append(rules, "EXCLUDE localhost", "EXCLUDE 127.0.0.1", "MAP * ~NOTFOUND"), ", ")
}

// collectMessages keeps the messages of the page and of the browser about the page.
func (c *chrome) collectMessages(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return // the browser is closed
		}
		c.mu.Lock()
		c.messages = append(c.messages, m.Text)
		c.mu.Unlock()
	}
}

// console returns the messages on the page's console so far.
func (c *chrome) console() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.messages, "\n")
}

// do runs an action in the tab.
func do[T any](c *chrome, action chromedp.Action[T]) T {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		c.t.Fatalf("%v; console of the page:\n%s", err, c.console())
	}
	return result
}

// visit opens an address and waits until the page has loaded.
func (c *chrome) visit(address string) {
	c.t.Helper()
	do(c, chromedp.Navigate(address))
}

// openTab opens an address in a tab that DevTools is not attached to: Chromium prerenders nothing in a tab
// with DevTools.
func (c *chrome) openTab(address string) {
	c.t.Helper()
	if _, err := chromedp.CallBrowser(c.ctx, target.CreateTarget, target.CreateTargetParams{URL: address}); err != nil {
		c.t.Fatalf("open a tab: %v", err)
	}
}

// eval evaluates an expression in the page, awaits it if it is a promise, and returns its text.
func (c *chrome) eval(expression string) string {
	c.t.Helper()
	return do(c, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
}

// waitFor waits until an expression is true in the page, also across navigations.
func (c *chrome) waitFor(expression string) {
	c.t.Helper()
	c.eventually(expression, func() bool {
		ctx, cancel := context.WithTimeout(c.ctx, timeout)
		defer cancel()
		// An error means that the page is navigating.
		truth, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && truth
	})
}

// eventually waits for something that happens outside the page.
func (c *chrome) eventually(what string, happened func() bool) {
	c.t.Helper()
	deadline := time.After(timeout)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if happened() {
			tick.Stop()
			return
		}
		select {
		case <-deadline:
			c.t.Fatalf("%s did not happen; console of the page:\n%s", what, c.console())
		case <-tick.C:
		}
	}
}

// cookies returns every cookie of this name in the browser, whichever page may read it.
func (c *chrome) cookies(name string) []*network.Cookie {
	c.t.Helper()
	all, err := chromedp.CallBrowser(c.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		c.t.Fatalf("read the browser's cookies: %v", err)
	}
	return slices.DeleteFunc(all.Cookies, func(cookie *network.Cookie) bool { return cookie.Name != name })
}

// wantRefCode checks that the browser has exactly this ref_code, or none if code is empty.
func (c *chrome) wantRefCode(code string) {
	c.t.Helper()
	var values []string
	for _, cookie := range c.cookies("ref_code") {
		values = append(values, cookie.Value)
	}
	if got := strings.Join(values, " "); got != code {
		c.t.Errorf("ref_code in the browser is %q, want %q", got, code)
	}
}
