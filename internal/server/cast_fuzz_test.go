package server_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

// The second address of a stage: the same store behind a proxy, with everything set that the first
// address leaves out.
const (
	fuzzDomain  = "example.com"
	fuzzLanding = "https://www.example.com/welcome?from=link"
)

// stage is where fuzzed requests are sent: one store behind two servers, a plain one and one that
// trusts its peer as a proxy.
type stage struct {
	*site
	proxied string // the second server's address
	log     *leakLog
	cast    *cast
	known   known
}

func newStage(f *testing.F) *stage {
	f.Helper()
	s := &stage{log: &leakLog{}}
	var cfg server.Config
	var deps server.Deps
	s.site = newSite(f,
		withDeps(func(d *server.Deps) {
			d.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			deps = *d
		}),
		withConfig(func(c *server.Config) { cfg = *c }))
	cfg.CookieDomain, cfg.LandingURL, cfg.PickupTouch = fuzzDomain, fuzzLanding, referral.TouchFirst
	cfg.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	second := *s.site
	second.addr, second.server = ln.Addr().String(), server.New(cfg, deps)
	go func() { _ = second.server.Serve(ln) }() // its listener is closed by stop
	f.Cleanup(second.stop)
	s.proxied = second.addr
	s.know(f)
	s.recast(f)
	return s
}

// connect opens a connection that leaves nothing behind when it is closed: thousands a second would
// use up the ports otherwise.
func (s *stage) connect(t *testing.T, proxied bool) *client {
	t.Helper()
	w := s.in(t)
	if proxied {
		w.addr = s.proxied
	}
	c := w.dial()
	if err := c.conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	return c
}

// cast are the people that a fuzzed request can name, as the model knows them. $a to $g are sessions,
// $A to $G their CSRF tokens, $1 to $8 codes.
type cast struct {
	sessions map[string]signedIn
	codes    map[string]codeFacts
	referrer map[string]string // invitee → referrer, of the users that have one
	names    *strings.Replacer
}

type signedIn struct {
	user, csrf string
	valid      bool
}

type codeFacts struct {
	owner string
	alive bool // it is active and so is its owner
}

// recast begins the play anew, with people nobody has met: a user can be attributed only once.
func (s *stage) recast(t testing.TB) {
	t.Helper()
	w := s.in(t)
	c := &cast{sessions: make(map[string]signedIn), codes: make(map[string]codeFacts), referrer: make(map[string]string)}
	var names, secrets []string
	name := func(placeholder byte, text string) {
		names, secrets = append(names, "$"+string(placeholder), text), append(secrets, text)
	}
	session := func(placeholder byte, user, token, csrf string, valid bool) {
		c.sessions[token] = signedIn{user, csrf, valid}
		name(placeholder, token)
		name(placeholder-'a'+'A', csrf)
	}
	code := func(placeholder byte, owner, code string, alive bool) {
		c.codes[code] = codeFacts{owner, alive}
		name(placeholder, code)
	}

	ann, linked, root, child, owner := w.account(), w.account(), w.account(), w.account(), w.account()
	revoked, disabled := w.account(), w.account()
	second, secondCSRF := w.session(ann.ID, epoch)
	expired, expiredCSRF := w.session(ann.ID, epoch.Add(-sessionTTL))
	session('a', ann.ID, ann.Session, ann.CSRF, true)
	session('b', ann.ID, second, secondCSRF, true)
	session('c', linked.ID, linked.Session, linked.CSRF, true)
	session('d', root.ID, root.Session, root.CSRF, true)
	session('e', ann.ID, expired, expiredCSRF, false)
	session('f', revoked.ID, revoked.Session, revoked.CSRF, false)
	session('g', disabled.ID, disabled.Session, disabled.CSRF, false)

	code('1', owner.ID, owner.Code, true)
	code('2', owner.ID, w.slug(owner, "new-"), true)
	code('3', owner.ID, w.disabledSlug(owner, "old-"), false)
	code('4', disabled.ID, disabled.Code, false)
	code('5', ann.ID, ann.Code, true)
	code('6', ann.ID, w.disabledSlug(ann, "own-"), false)
	code('7', child.ID, child.Code, true)
	code('8', root.ID, root.Code, true)
	w.slug(owner, "new-")

	w.revoke(revoked)
	w.disable(disabled)
	w.refer(owner, linked)
	w.refer(root, child)
	c.referrer[linked.ID], c.referrer[child.ID] = owner.ID, root.ID
	c.names = strings.NewReplacer(names...)
	s.cast = c
	s.log.watchFor(secrets)
}

func (w *site) slug(a account, prefix string) string {
	w.t.Helper()
	code, err := w.store.SetSlug(w.t.Context(), a.ID, prefix+a.Code, epoch)
	if err != nil {
		w.t.Fatal(err)
	}
	return code.Code
}

func (w *site) disabledSlug(a account, prefix string) string {
	w.t.Helper()
	slug := w.slug(a, prefix)
	if _, err := w.store.DisableSlug(w.t.Context(), a.ID, epoch); err != nil {
		w.t.Fatal(err)
	}
	return slug
}

func (w *site) revoke(a account) {
	w.t.Helper()
	if _, err := w.store.RevokeSessions(w.t.Context(), a.ID, epoch); err != nil {
		w.t.Fatal(err)
	}
}

func (w *site) disable(a account) {
	w.t.Helper()
	if _, err := w.store.DisableUser(w.t.Context(), a.ID, epoch); err != nil {
		w.t.Fatal(err)
	}
}

func (w *site) refer(owner, invitee account) {
	w.t.Helper()
	o, err := w.store.Attribute(w.t.Context(), referral.Attempt{
		ID: "cast-" + invitee.ID, User: invitee.ID, Code: owner.Code, At: epoch, Source: referral.SourceLive,
	}, referral.Rules{})
	if err != nil || !o.Attributed {
		w.t.Fatalf("%+v, %v", o, err)
	}
}

// leakLog is a log that keeps nothing but a line with a secret in it.
type leakLog struct {
	mu      sync.Mutex
	secrets []string
	leaked  string
}

func (l *leakLog) watchFor(secrets []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets = secrets
}

func (l *leakLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, secret := range l.secrets {
		if bytes.Contains(p, []byte(secret)) {
			l.leaked = string(p)
		}
	}
	return len(p), nil
}

// wantNone fails the test when a secret was logged since the last time it was asked.
func (l *leakLog) wantNone(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaked != "" {
		t.Errorf("a secret is in the log: %s", l.leaked)
		l.leaked = ""
	}
}
