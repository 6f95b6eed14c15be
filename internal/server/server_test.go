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

// epoch is the time on the clock of the server.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	sessionTTL  = time.Hour
	pageOrigin  = "https://console.example.com" // the listed one
	testTimeout = 20 * time.Second              // for what must happen, on a busy machine
)

// testServer is a server on a real listener with a real store.
type testServer struct {
	t        testing.TB
	addr     string
	database string
	store    *sqlite.Store
	server   *server.Server
	log      *lockedBuffer
	secrets  *secrets
	served   chan error
}

type option func(*server.Config, *server.Deps)

func withConfig(change func(*server.Config)) option {
	return func(c *server.Config, _ *server.Deps) { change(c) }
}

func withDeps(change func(*server.Deps)) option {
	return func(_ *server.Config, d *server.Deps) { change(d) }
}

func withReadTimeout(d time.Duration) option {
	return withConfig(func(c *server.Config) { c.ReadTimeout = d })
}

func newServer(t testing.TB, options ...option) *testServer {
	t.Helper()
	ts := &testServer{t: t, database: filepath.Join(t.TempDir(), "triport.db"), log: &lockedBuffer{},
		secrets: &secrets{}, served: make(chan error, 1)}
	store, err := sqlite.Open(t.Context(), ts.database, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	ts.store = store
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Log(err) // the test may have closed it
		}
	})
	log := slog.New(slog.NewTextHandler(ts.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := server.Config{
		CookieSecure: auth.SecureAuto, PickupMaxAge: 720 * time.Hour, PickupTouch: referral.TouchLast,
		CORSOrigins: []string{pageOrigin}, StoreTimeout: testTimeout,
	}
	deps := server.Deps{
		Sessions:  store,
		Referrals: referral.NewService(store, spool.New(ts.database), referral.Rules{}, testTimeout, log, io.Discard),
		NotReady:  func(context.Context) []string { return nil },
		Log:       log,
		Now:       func() time.Time { return epoch },
	}
	for _, o := range options {
		o(&cfg, &deps)
	}
	ts.server = server.New(cfg, deps)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts.addr = ln.Addr().String()
	go func() { ts.served <- ts.server.Serve(ln) }()
	t.Cleanup(ts.stop)
	return ts
}

// in returns the server for use by a subtest.
func (ts *testServer) in(t testing.TB) *testServer {
	sub := *ts
	sub.t = t
	return &sub
}

func (ts *testServer) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := ts.server.Shutdown(ctx); err != nil {
		ts.t.Errorf("shutdown: %v", err)
	}
	ts.secrets.wantAbsent(ts.t, ts.log.String())
}

// secrets are the cookies and tokens of all users of a server. At the end of every test, none of them may be in the
// log, which has all levels.
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

func (ts *testServer) account() account {
	ts.t.Helper()
	id := uuid.NewString()
	u := auth.User{ID: id, Email: id + "@example.com", CreatedAt: epoch.Add(-time.Hour)}
	code, err := ts.store.CreateUser(ts.t.Context(), u)
	if err != nil {
		ts.t.Fatal(err)
	}
	a := account{User: u, Code: code.Code}
	ts.secrets.add(a.Code)
	a.Session, a.CSRF = ts.session(u.ID, epoch)
	return a
}

// session creates a session of the user that begins at the given time and lasts sessionTTL.
func (ts *testServer) session(userID string, from time.Time) (session, csrf string) {
	ts.t.Helper()
	tokens, s, err := auth.NewSession(rand.Reader, userID, from, sessionTTL)
	if err != nil {
		ts.t.Fatal(err)
	}
	if err := ts.store.CreateSessions(ts.t.Context(), []auth.Session{s}); err != nil {
		ts.t.Fatal(err)
	}
	ts.secrets.add(tokens.Session, tokens.CSRF)
	return tokens.Session, tokens.CSRF
}

// inspection returns what the store knows about the user.
func (ts *testServer) inspection(userID string) referral.Inspection {
	ts.t.Helper()
	d, err := ts.store.Inspect(ts.t.Context(), userID, 1000)
	if err != nil {
		ts.t.Fatal(err)
	}
	return d
}

// pending returns how many attempts wait in the spool.
func (ts *testServer) pending() int {
	ts.t.Helper()
	n, err := spool.New(ts.database).Pending(ts.t.Context(), func(referral.Attempt) bool { return true })
	if err != nil {
		ts.t.Fatal(err)
	}
	return n
}

// lockedBuffer receives the log of concurrent requests.
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

// post returns a call of attribute as a browser sends it, with more cookies and header lines.
func post(a account, cookies string, lines ...string) string {
	return request("POST /v1/auth/attribute HTTP/1.1", append([]string{
		fmt.Sprintf("Cookie: nl_session=%s; nl_csrf=%s%s", a.Session, a.CSRF, cookies),
		"X-CSRF-Token: " + a.CSRF,
	}, lines...)...)
}

// request returns a request to console.test without a body.
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
