package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// waitLimit is how long a test waits for something that must happen, on a busy machine.
const waitLimit = 20 * time.Second

// testServer is a running server with a database of its own.
type testServer struct {
	t            *testing.T
	db           string
	url, metrics string
	log          *syncBuffer
	stop         func() error // stops the server and returns the error of Run
	done         <-chan error // closed after Run has returned its error
}

// syncBuffer is a buffer for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// testConfig returns a configuration for the database and the environment.
func testConfig(t *testing.T, db string, env map[string]string) config.Config {
	t.Helper()
	cfg, _, err := config.Load(config.Sources{
		File: "/dev/null", Getenv: func(name string) string { return env[name] },
		Flags: map[string]config.Flag{"database": {Name: "database", Value: db}, "listen": {Name: "listen", Value: "127.0.0.1:0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// newServer runs a server and waits until it listens.
func newServer(t *testing.T, env map[string]string) *testServer {
	t.Helper()
	w := &testServer{t: t, db: filepath.Join(t.TempDir(), "t.db"), log: &syncBuffer{}}
	cfg := testConfig(t, w.db, env)
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan Addresses, 1), make(chan error, 1)
	w.done = done
	go func() {
		defer close(done)
		done <- Run(ctx, Options{
			Config: cfg, Log: slog.New(slog.NewTextHandler(w.log, nil)), Stderr: w.log, Now: time.Now,
			Ready: func(a Addresses) { ready <- a },
		})
	}()
	w.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = w.stop() })
	select {
	case a := <-ready:
		w.url, w.metrics = a.Server, a.Metrics
	case err := <-done:
		t.Fatal(err)
	}
	return w
}

// client is a user with a code and a session.
type client struct{ code, session, csrf string }

// newClient creates an account and a session, as another process does.
func (w *testServer) newClient(name string) client {
	w.t.Helper()
	ctx, now := context.Background(), time.Now().UTC().Truncate(time.Microsecond)
	store, err := sqlite.Open(ctx, w.db, sqlite.Options{Mode: sqlite.ReadWrite})
	if err != nil {
		w.t.Fatal(err)
	}
	u := auth.User{ID: uuid.NewString(), Email: name + "@example.com", CreatedAt: now}
	code, err := store.CreateUser(ctx, u)
	if err != nil {
		w.t.Fatal(err)
	}
	tokens, session, err := auth.NewSession(rand.Reader, u.ID, now, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(store.CreateSessions(ctx, []auth.Session{session}), store.Close()); err != nil {
		w.t.Fatal(err)
	}
	return client{code.Code, tokens.Session, tokens.CSRF}
}

// call sends a request and returns status and body.
func (w *testServer) call(method, path string, header map[string]string) (int, string) {
	w.t.Helper()
	status, body, err := w.tryCall(method, path, header)
	if err != nil {
		w.t.Fatal(err)
	}
	return status, body
}

// tryCall is call for a server that may end at any time.
func (w *testServer) tryCall(method, path string, header map[string]string) (int, string, error) {
	req, err := http.NewRequest(method, w.url+path, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return 0, "", err
	}
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, string(body), errors.Join(err, res.Body.Close())
}

// attribute calls the main endpoint as c, with the code in the cookie.
func (w *testServer) attribute(c client, code string) string {
	w.t.Helper()
	_, body := w.call("POST", "/v1/auth/attribute", c.headers(code))
	return body
}

// tryAttribute is attribute for a server that may end at any time. No answer is empty.
func (w *testServer) tryAttribute(c client, code string) string {
	_, body, err := w.tryCall("POST", "/v1/auth/attribute", c.headers(code))
	if err != nil {
		return ""
	}
	return body
}

func (c client) headers(code string) map[string]string {
	return map[string]string{
		"Cookie": "nl_session=" + c.session + "; nl_csrf=" + c.csrf + "; ref_code=" + code, "X-CSRF-Token": c.csrf}
}

// TestUnspecifiedIPv4AddressIsBoundForIPv4Only uses that an IPv6 address that is bound would be printed as [::].
func TestUnspecifiedIPv4AddressIsBoundForIPv4Only(t *testing.T) {
	t.Parallel()
	ln, err := listen(t.Context(), "0.0.0.0:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if _, port, _ := net.SplitHostPort(ln.Addr().String()); ln.Addr().String() != "0.0.0.0:"+port {
		t.Errorf("bound %s", ln.Addr())
	}
}

func TestStoreTimeoutBoundsSessionLookupsAndDeadlineDoesNot(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t, "t.db", map[string]string{"TRIPORT_STORE_TIMEOUT": "3s", "TRIPORT_REFERRAL_DEADLINE": "5ms"})
	if got := serverConfig(cfg).StoreTimeout; got != 3*time.Second {
		t.Errorf("session lookups have %s", got)
	}
}

// holdRequest sends a request whose announced body never comes.
func (w *testServer) holdRequest() {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	const headers = "POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
	if _, err := io.WriteString(c, headers); err != nil {
		w.t.Fatal(err)
	}
	// The server sends 100 Continue when it waits for the body.
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		w.t.Fatal(err)
	}
}

// scrape returns the program's own metrics except buckets, by name and labels.
func (w *testServer) scrape() map[string]float64 {
	w.t.Helper()
	res, err := http.Get(w.metrics)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %v %s", res.StatusCode, err, body)
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(line, ' ')
		if !strings.HasPrefix(line, "triport_") || strings.Contains(line, "_bucket{") {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			w.t.Fatalf("%q: %v", line, err)
		}
		values[line[:at]] = value
	}
	return values
}

// waitFor scrapes until the metrics are as wanted, and returns them.
func (w *testServer) waitFor(what string, wanted func(map[string]float64) bool) map[string]float64 {
	w.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(waitLimit); ; <-again.C {
		values := w.scrape()
		if wanted(values) {
			return values
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the metrics never showed that %s: %v", what, values)
		}
	}
}

// increases returns the increases of the counters with the prefix.
func increases(before, after map[string]float64, prefix string) map[string]float64 {
	grown := map[string]float64{}
	for name, value := range after {
		if strings.HasPrefix(name, prefix) && value != before[name] {
			grown[strings.TrimPrefix(name, prefix)] = value - before[name]
		}
	}
	return grown
}
