package httpguard_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/server/httpguard"
)

const testTimeout = 20 * time.Second // for what must happen, on a busy machine

// newGuard returns a Guard that answers acceptable requests with 200 and their path, and rejected ones with the status
// of the rejection.
func newGuard() *httpguard.Guard {
	return httpguard.New(httpguard.Config{
		Log: slog.New(slog.DiscardHandler),
		Handler: func(r httpguard.Request) {
			if r.Rejected != 0 {
				r.SetStatusCode(r.Rejected)
				return
			}
			r.SetBody(r.Path)
		},
	})
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// ask sends a request on a new connection, and returns the answer and the connection.
func ask(t *testing.T, ln net.Listener, raw string) (*http.Response, net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(testTimeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res, c
}

const getRoot = "GET / HTTP/1.1\r\nHost: console.test\r\n\r\n"

// serve starts the guard. Its error arrives in the channel.
func serve(g *httpguard.Guard, ln net.Listener) <-chan error {
	served := make(chan error, 1)
	go func() { served <- g.Serve(ln) }()
	return served
}

func TestHandlerSeesAcceptableAndRejectedRequests(t *testing.T) {
	t.Parallel()
	g, ln := newGuard(), listen(t)
	served := serve(g, ln)
	for raw, want := range map[string]int{
		getRoot:           200,
		"rubbish\r\n\r\n": 400,
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                    400,
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n":      413,
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + string(make([]byte, 20<<10)): 431,
	} {
		res, _ := ask(t, ln, raw)
		if res.StatusCode != want || res.Header.Get("X-Request-Id") == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%.60q: %d %v, want %d", raw, res.StatusCode, res.Header, want)
		}
	}
	if err := errors.Join(g.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}

// splitter is a listener whose connections read at most so many bytes at once.
type splitter struct {
	net.Listener
	size int
}

type splitConn struct {
	*net.TCPConn
	size int
}

func (s splitter) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return splitConn{c.(*net.TCPConn), s.size}, nil
}

func (s splitConn) Read(p []byte) (int, error) { return s.TCPConn.Read(p[:min(s.size, len(p))]) }

// TestRequestsAreReadHoweverTheyAreSplit pipelines requests with bodies that look like bad request lines. The last
// request but one is bad.
func TestRequestsAreReadHoweverTheyAreSplit(t *testing.T) {
	t.Parallel()
	body := "GET /\n\nGET HTTP/1.1\r\n\r\n" + strings.Repeat("\n", 20<<10)
	post := fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	raw := getRoot + post + "\r\n" + getRoot + post + strings.Repeat(getRoot, 3) + "GET / HTTP/1.1\nHost: x\r\n\r\n" + getRoot
	for _, size := range []int{1, 2, 3, 5, 7, 64, 1000, 1 << 20} {
		ln := listen(t)
		g := newGuard()
		served := serve(g, splitter{ln, size})
		_, c := ask(t, ln, getRoot)
		if _, err := c.Write([]byte(raw)); err != nil {
			t.Fatal(err)
		}
		answers, err := io.ReadAll(c)
		want := []string{"200", "200", "200", "200", "200", "200", "200", "400"}
		var got []string
		for _, m := range regexp.MustCompile(`HTTP/1\.1 (\d+)`).FindAllSubmatch(answers, -1) {
			got = append(got, string(m[1]))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d bytes at once: %v and %v, want %v", size, got, err, want)
		}
		if err := errors.Join(g.Shutdown(t.Context()), <-served); err != nil {
			t.Error(err)
		}
	}
}

func TestServeAfterShutdownAcceptsNothing(t *testing.T) {
	t.Parallel()
	g, ln := newGuard(), listen(t)
	if err := g.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Serve(ln); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("the listener still accepts")
	}
}

func TestConcurrentShutdownsBothSucceed(t *testing.T) {
	t.Parallel()
	g, ln := newGuard(), listen(t)
	served := serve(g, ln)
	ask(t, ln, getRoot)
	done := make(chan error)
	for range 2 {
		go func() { done <- g.Shutdown(t.Context()) }()
	}
	if err := errors.Join(<-done, <-done, <-served); err != nil {
		t.Error(err)
	}
	if g.Context().Err() == nil || !g.Stopping() {
		t.Error("the guard does not report its stop")
	}
}

// shortOfFiles is a listener that fails for a while, as one does without file descriptors.
type shortOfFiles struct {
	net.Listener
	failures int
}

type temporaryError struct{ error }

func (temporaryError) Temporary() bool { return true }

func (l *shortOfFiles) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, temporaryError{errors.New("too many open files")}
	}
	return l.Listener.Accept()
}

func TestServeSurvivesAShortageOfFiles(t *testing.T) {
	t.Parallel()
	g, ln := newGuard(), listen(t)
	served := serve(g, &shortOfFiles{ln, 3})
	if res, _ := ask(t, ln, getRoot); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	if err := errors.Join(g.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}

type brokenListener struct{ net.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("broken") }

func TestBrokenListenerIsAnError(t *testing.T) {
	t.Parallel()
	if err := newGuard().Serve(brokenListener{listen(t)}); err == nil {
		t.Error("Serve: no error")
	}
}

// TestConnectionsAreCounted keeps one open, closes it, and waits until the count follows.
func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	g, ln := newGuard(), listen(t)
	served := serve(g, ln)
	_, c := ask(t, ln, getRoot)
	if n := g.Connections(); n != 1 {
		t.Errorf("%d connections while one is open", n)
	}
	_ = c.Close()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(testTimeout); g.Connections() != 0; <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections after it was closed", g.Connections())
		}
	}
	if err := errors.Join(g.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}
