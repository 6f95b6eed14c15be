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

// shutdown starts Shutdown. Its error arrives in the channel.
func (ts *testServer) shutdown(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() { done <- ts.server.Shutdown(ctx) }()
	return done
}

func TestShutdownDoesNotWaitForSilentOrIdleConnections(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	silent, idle := ts.dial(), ts.dial()
	idle.send(request("GET /healthz HTTP/1.1"))
	idle.receive("GET") // the server has accepted both: it accepts in order
	// Half of the read timeout, after which the server would close a silent connection by itself.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := ts.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	silent.closed()
	idle.closed()
	if err := <-ts.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", ts.addr); err == nil {
		t.Error("the server still accepts")
	}
}

func TestRunningRequestIsAnsweredDuringShutdown(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(ctx context.Context, _ referral.Attempt) referral.Outcome {
			close(entered)
			<-release
			if ctx.Err() != nil {
				return referral.Outcome{Reason: referral.ReasonInternalError}
			}
			return referral.Outcome{Attributed: true}
		})
	}))
	a := ts.account()
	c := ts.dial()
	c.send(post(a, "; ref_code=abc") + post(a, "; ref_code=abc")) // the second must not run
	<-entered
	done := ts.shutdown(t.Context())
	if err := <-ts.served; err != nil {
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

func TestReadyzReportsStopping(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.NotReady = func(context.Context) []string {
			close(entered)
			<-release
			return nil
		}
	}))
	c := ts.dial()
	c.send(request("GET /readyz HTTP/1.1"))
	<-entered
	done := ts.shutdown(t.Context())
	<-ts.served
	close(release)
	res := c.receive("GET")
	res.wantError(t, 503, "unavailable")
	if !strings.Contains(res.body, `"message":"stopping"`) {
		t.Errorf("body %s", res.body)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestAttemptsGiveUpAfterTheShutdownDeadline(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	ts := newServer(t, withDeps(func(d *server.Deps) {
		d.Referrals = submitFunc(func(ctx context.Context, _ referral.Attempt) referral.Outcome {
			close(entered)
			<-ctx.Done() // the service takes this for a store that did not commit
			return referral.Outcome{Reason: referral.ReasonInternalError}
		})
	}))
	a := ts.account()
	c, half := ts.dial(), ts.dial()
	half.send("POST /v1")
	c.send(post(a, "; ref_code=abc"))
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ts.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v, want %v", err, context.Canceled)
	}
	c.receive("POST").wantOutcome(t, "internal_error")
	c.closed()
	if rest, err := io.ReadAll(half.r); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server still waits for half a request, after %q", rest)
	}
}

func TestRequestOnKeptConnectionIsAnsweredDuringShutdownAndClosesIt(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	kept := ts.dial()
	kept.send(request("GET /healthz HTTP/1.1"))
	kept.receive("GET")
	done := ts.shutdown(t.Context())
	if err := <-ts.served; err != nil { // it returns when the stop has begun
		t.Errorf("serve: %v", err)
	}
	kept.send(request("GET /healthz HTTP/1.1"))
	res := kept.receive("GET")
	if got := res.one(t, "Connection"); res.status != 200 || got != "close" {
		t.Errorf("status %d, Connection %q, want 200 and close", res.status, got)
	}
	kept.closed()
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}
