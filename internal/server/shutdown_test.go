package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

// shutdown runs Shutdown beside the test and returns where its error will be.
func (w *site) shutdown(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- w.server.Shutdown(ctx) }()
	return done
}

func TestShutdownWaitsForNoSilentOrIdleConnection(t *testing.T) {
	t.Parallel()
	w := newSite(t)
	silent, idle := w.dial(), w.dial()
	idle.send(request("GET /healthz HTTP/1.1"))
	idle.receive("GET") // the server has met both: it accepts in order
	// Half of the time after which the server would give a silent connection up by itself.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	silent.closed()
	idle.closed()
	if err := <-w.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", w.addr); err == nil {
		t.Error("it still accepts")
	}
}

func TestARunningRequestIsAnsweredDuringShutdown(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	w := newSite(t, withDeps(func(d *server.Deps) {
		d.Referrals = attributer(func(ctx context.Context, _ referral.Attempt) referral.Outcome {
			close(entered)
			<-release
			if ctx.Err() != nil {
				return referral.Outcome{Reason: referral.ReasonInternalError}
			}
			return referral.Outcome{Attributed: true}
		})
	}))
	a := w.account()
	c := w.dial()
	c.send(post(a, "; ref_code=abc") + post(a, "; ref_code=abc")) // the second must not be taken up
	<-entered
	done := w.shutdown(t.Context())
	if err := <-w.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	close(release)
	res := c.receive("POST")
	res.wantOutcome(t, "")
	if got := res.one(t, "Connection"); got != "close" {
		t.Errorf("Connection %q, want close", got)
	}
	c.closed()
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestReadyzSaysStopping(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	w := newSite(t, withDeps(func(d *server.Deps) {
		d.NotReady = func(context.Context) []string {
			close(entered)
			<-release
			return nil
		}
	}))
	c := w.dial()
	c.send(request("GET /readyz HTTP/1.1"))
	<-entered
	done := w.shutdown(t.Context())
	<-w.served
	close(release)
	res := c.receive("GET")
	res.wantRefusal(t, 503, "unavailable")
	if !strings.Contains(res.body, `"message":"stopping"`) {
		t.Errorf("body %s", res.body)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestTheEndOfPatienceSendsAttemptsToTheSpool(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	w := newSite(t, withDeps(func(d *server.Deps) {
		d.Referrals = attributer(func(ctx context.Context, _ referral.Attempt) referral.Outcome {
			close(entered)
			<-ctx.Done() // what the service takes for a store that did not commit
			return referral.Outcome{Reason: referral.ReasonInternalError}
		})
	}))
	a := w.account()
	c, half := w.dial(), w.dial()
	half.send("POST /v1")
	c.send(post(a, "; ref_code=abc"))
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v, want %v", err, context.Canceled)
	}
	c.receive("POST").wantOutcome(t, "internal_error")
	c.closed()
	if rest, err := io.ReadAll(half.r); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("half a request is still waited for, after %q", rest)
	}
}

func TestServeAfterShutdownServesNobody(t *testing.T) {
	t.Parallel()
	s := server.New(server.Config{}, server.Deps{})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it accepts")
	}
}

func TestShutdownTwiceIsOnce(t *testing.T) {
	t.Parallel()
	w := newSite(t)
	w.ask(request("GET /healthz HTTP/1.1"))
	first, second := w.shutdown(t.Context()), w.shutdown(t.Context())
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
}

// shortOfFiles is a listener that fails for a while, as one does without file descriptors.
type shortOfFiles struct {
	net.Listener
	failures int
}

type passingError struct{ error }

func (passingError) Temporary() bool { return true }

func (l *shortOfFiles) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, passingError{errors.New("too many open files")}
	}
	return l.Listener.Accept()
}

func TestAShortageOfFilesPasses(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Config{}, server.Deps{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(&shortOfFiles{ln, 3}) }()
	w := &site{t: t, addr: ln.Addr().String()}
	if res := w.ask(request("GET /healthz HTTP/1.1")); res.status != 200 {
		t.Errorf("status %d", res.status)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("broken") }

func TestABrokenListenerIsAnError(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	if err := server.New(server.Config{}, server.Deps{}).Serve(brokenListener{ln}); err == nil {
		t.Error("serve: no error")
	}
}
