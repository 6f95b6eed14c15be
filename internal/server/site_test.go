package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// epoch is the time on the site's clock.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	sessionTTL = time.Hour
	pageOrigin = "https://console.example.com" // the listed one
	patience   = 20 * time.Second              // for what must happen, on a busy machine
)

// site is a server on a real listener, over a real store.
type site struct {
	t        testing.TB
	addr     string
	database string
	store    *sqlite.Store
	server   *server.Server
	log      *lockedBuffer
	secrets  *secrets
	served   chan error
}

type siteOption func(*server.Config, *server.Deps, *server.Server)

func withConfig(change func(*server.Config)) siteOption {
	return func(c *server.Config, _ *server.Deps, _ *server.Server) {
		if c != nil {
			change(c)
		}
	}
}

func withDeps(change func(*server.Deps)) siteOption {
	return func(_ *server.Config, d *server.Deps, _ *server.Server) {
		if d != nil {
			change(d)
		}
	}
}

func withReadTimeout(d time.Duration) siteOption {
	return func(_ *server.Config, _ *server.Deps, s *server.Server) {
		if s != nil {
			s.SetReadTimeout(d)
		}
	}
}

func newSite(t testing.TB, options ...siteOption) *site {
	t.Helper()
	w := &site{t: t, database: filepath.Join(t.TempDir(), "triport.db"), log: &lockedBuffer{},
		secrets: &secrets{}, served: make(chan error, 1)}
	store, err := sqlite.Open(t.Context(), w.database, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	w.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Log(err) // a test may have closed it already
		}
	})
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := server.Config{
		CookieSecure: auth.SecureAuto, PickupMaxAge: 720 * time.Hour, PickupTouch: referral.TouchLast,
		CORSOrigins: []string{pageOrigin}, StoreTimeout: patience,
	}
	deps := server.Deps{
		Sessions:  store,
		Referrals: referral.NewService(store, spool.New(w.database), referral.Rules{}, patience, log, io.Discard),
		NotReady:  func(context.Context) []string { return nil },
		Log:       log,
		Now:       func() time.Time { return epoch },
	}
	for _, o := range options {
		o(&cfg, &deps, nil)
	}
	w.server = server.New(cfg, deps)
	for _, o := range options {
		o(nil, nil, w.server)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = ln.Addr().String()
	go func() { w.served <- w.server.Serve(ln) }()
	t.Cleanup(w.stop)
	return w
}

// in returns the site for use by a subtest.
func (w *site) in(t testing.TB) *site {
	sub := *w
	sub.t = t
	return &sub
}

func (w *site) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		w.t.Errorf("shutdown: %v", err)
	}
	w.secrets.wantAbsent(w.t, w.log.String())
}

// secrets are the cookies and tokens of a site's users, whatever a test did with them: at the end of
// every test, none may be found in the log, which is kept at debug level.
type secrets struct {
	mu  sync.Mutex
	all []string
}

func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, values...)
}

func (s *secrets) wantAbsent(t testing.TB, log string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.all {
		if i := strings.Index(log, secret); i >= 0 {
			start := strings.LastIndexByte(log[:i], '\n') + 1
			line, _, _ := strings.Cut(log[start:], "\n")
			t.Errorf("a secret is in the log: %s", line)
		}
	}
}

// account is a user with a referral code and one session.
type account struct {
	auth.User
	Code    string
	Session string
	CSRF    string
}

func (w *site) account() account {
	w.t.Helper()
	id := uuid.NewString()
	u := auth.User{ID: id, Email: id + "@example.com", CreatedAt: epoch.Add(-time.Hour)}
	code, err := w.store.CreateUser(w.t.Context(), u)
	if err != nil {
		w.t.Fatal(err)
	}
	a := account{User: u, Code: code.Code}
	w.secrets.add(a.Code)
	a.Session, a.CSRF = w.session(u.ID, epoch)
	return a
}

// session makes a session of the user's that begins at the given time and lasts sessionTTL.
func (w *site) session(userID string, from time.Time) (session, csrf string) {
	w.t.Helper()
	tokens, s, err := auth.NewSession(rand.Reader, userID, from, sessionTTL)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.CreateSessions(w.t.Context(), []auth.Session{s}); err != nil {
		w.t.Fatal(err)
	}
	w.secrets.add(tokens.Session, tokens.CSRF)
	return tokens.Session, tokens.CSRF
}

// dossier is what the store knows of the user.
func (w *site) dossier(userID string) referral.Dossier {
	w.t.Helper()
	d, err := w.store.Inspect(w.t.Context(), userID, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// pending is how many attempts wait in the spool.
func (w *site) pending() int {
	w.t.Helper()
	n, err := spool.New(w.database).Pending(w.t.Context(), func(referral.Attempt) bool { return true })
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// lockedBuffer takes the log of concurrent requests.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// post is the main call as a browser with the given cookies would send it, with more header lines.
func post(a account, cookies string, lines ...string) string {
	return request("POST /v1/auth/attribute HTTP/1.1", append([]string{
		fmt.Sprintf("Cookie: nl_session=%s; nl_csrf=%s%s", a.Session, a.CSRF, cookies),
		"X-CSRF-Token: " + a.CSRF,
	}, lines...)...)
}

// request is a request to console.test without a body.
func request(line string, lines ...string) string {
	raw := line + "\r\nHost: console.test\r\n"
	for _, l := range lines {
		raw += l + "\r\n"
	}
	return raw + "\r\n"
}

// withBody adds a body of known length to a request.
func withBody(raw, body string) string {
	return raw[:len(raw)-2] + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}
