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

// The settings of the second address of a fuzzServer, which the first one leaves out.
const (
	fuzzDomain  = "example.com"
	fuzzLanding = "https://www.example.com/welcome?from=link"
)

// fuzzServer receives fuzzed requests: one store with two servers, a plain one and one that trusts its peer as a
// proxy.
type fuzzServer struct {
	*testServer
	proxied  string // the second server's address
	log      *secretLog
	fixtures *fixtures
	baseline baseline
}

func newFuzzServer(f *testing.F) *fuzzServer {
	f.Helper()
	s := &fuzzServer{log: &secretLog{}}
	var cfg server.Config
	var deps server.Deps
	s.testServer = newServer(f,
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
	second := *s.testServer
	second.addr, second.server = ln.Addr().String(), server.New(cfg, deps)
	go func() { _ = second.server.Serve(ln) }() // its listener is closed by stop
	f.Cleanup(second.stop)
	s.proxied = second.addr
	s.recordBaseline(f)
	s.renewFixtures(f)
	return s
}

// connect opens a connection that leaves nothing behind after it was closed. Otherwise thousands a second would use up
// the ports.
func (s *fuzzServer) connect(t *testing.T, proxied bool) *client {
	t.Helper()
	ts := s.in(t)
	if proxied {
		ts.addr = s.proxied
	}
	c := ts.dial()
	if err := c.conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	return c
}

// fixtures are the users that a fuzzed request can name, as the model knows them. $a to $g are sessions, $A to $G their
// CSRF tokens, $1 to $8 codes.
type fixtures struct {
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
	owner  string
	active bool // and so is its owner
}

// renewFixtures creates new users: a user can be attributed only once.
func (s *fuzzServer) renewFixtures(t testing.TB) {
	t.Helper()
	ts := s.in(t)
	fx := &fixtures{sessions: make(map[string]signedIn), codes: make(map[string]codeFacts), referrer: make(map[string]string)}
	var names, secrets []string
	name := func(placeholder byte, text string) {
		names, secrets = append(names, "$"+string(placeholder), text), append(secrets, text)
	}
	session := func(placeholder byte, user, token, csrf string, valid bool) {
		fx.sessions[token] = signedIn{user, csrf, valid}
		name(placeholder, token)
		name(placeholder-'a'+'A', csrf)
	}
	code := func(placeholder byte, owner, code string, active bool) {
		fx.codes[code] = codeFacts{owner, active}
		name(placeholder, code)
	}

	ann, linked, root, child, owner := ts.account(), ts.account(), ts.account(), ts.account(), ts.account()
	revoked, disabled := ts.account(), ts.account()
	second, secondCSRF := ts.session(ann.ID, epoch)
	expired, expiredCSRF := ts.session(ann.ID, epoch.Add(-sessionTTL))
	session('a', ann.ID, ann.Session, ann.CSRF, true)
	session('b', ann.ID, second, secondCSRF, true)
	session('c', linked.ID, linked.Session, linked.CSRF, true)
	session('d', root.ID, root.Session, root.CSRF, true)
	session('e', ann.ID, expired, expiredCSRF, false)
	session('f', revoked.ID, revoked.Session, revoked.CSRF, false)
	session('g', disabled.ID, disabled.Session, disabled.CSRF, false)

	code('1', owner.ID, owner.Code, true)
	code('2', owner.ID, ts.slug(owner, "new-"), true)
	code('3', owner.ID, ts.disabledSlug(owner, "old-"), false)
	code('4', disabled.ID, disabled.Code, false)
	code('5', ann.ID, ann.Code, true)
	code('6', ann.ID, ts.disabledSlug(ann, "own-"), false)
	code('7', child.ID, child.Code, true)
	code('8', root.ID, root.Code, true)
	ts.slug(owner, "new-")

	ts.revoke(revoked)
	ts.disable(disabled)
	ts.refer(owner, linked)
	ts.refer(root, child)
	fx.referrer[linked.ID], fx.referrer[child.ID] = owner.ID, root.ID
	fx.names = strings.NewReplacer(names...)
	s.fixtures = fx
	s.log.watchFor(secrets)
}

func (ts *testServer) slug(a account, prefix string) string {
	ts.t.Helper()
	code, err := ts.store.SetSlug(ts.t.Context(), a.ID, prefix+a.Code, epoch)
	if err != nil {
		ts.t.Fatal(err)
	}
	return code.Code
}

func (ts *testServer) disabledSlug(a account, prefix string) string {
	ts.t.Helper()
	slug := ts.slug(a, prefix)
	if _, err := ts.store.DisableSlug(ts.t.Context(), a.ID, epoch); err != nil {
		ts.t.Fatal(err)
	}
	return slug
}

func (ts *testServer) revoke(a account) {
	ts.t.Helper()
	if _, err := ts.store.RevokeSessions(ts.t.Context(), a.ID, epoch); err != nil {
		ts.t.Fatal(err)
	}
}

func (ts *testServer) disable(a account) {
	ts.t.Helper()
	if _, _, err := ts.store.DisableUser(ts.t.Context(), a.ID, epoch); err != nil {
		ts.t.Fatal(err)
	}
}

func (ts *testServer) refer(owner, invitee account) {
	ts.t.Helper()
	o, err := ts.store.Attribute(ts.t.Context(), referral.Attempt{
		ID: "fixture-" + invitee.ID, User: invitee.ID, Code: referral.ParsePresentedCode(owner.Code), At: epoch, Source: referral.SourceLive,
	}, referral.Rules{})
	if err != nil || !o.Attributed {
		ts.t.Fatalf("%+v, %v", o, err)
	}
}

// secretLog is a log that keeps only a line with a secret in it.
type secretLog struct {
	mu      sync.Mutex
	secrets []string
	leaked  string
}

func (l *secretLog) watchFor(secrets []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets = secrets
}

func (l *secretLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, secret := range l.secrets {
		if bytes.Contains(p, []byte(secret)) {
			l.leaked = string(p)
		}
	}
	return len(p), nil
}

// wantNone fails the test if a secret was logged since its last call.
func (l *secretLog) wantNone(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leaked != "" {
		t.Errorf("a secret is in the log: %s", l.leaked)
		l.leaked = ""
	}
}
