package hostile

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	// readTimeout is the server's time for a request, headers and body together. Writing an answer has the
	// same time.
	readTimeout = 10 * time.Second
	// slackTime is for a busy machine.
	slackTime = 8 * time.Second
)

// slowClient sends the start of a request at once, then one byte a second.
type slowClient struct {
	name  string
	start func(u harness.User, code string) string
	drip  string // repeated; if empty, nothing more is sent
	want  []answer
}

var timedOut = []answer{{408, "request_timeout"}}

// startOf returns a start with complete headers and that much more.
func startOf(more string, lines ...string) func(u harness.User, code string) string {
	return func(u harness.User, code string) string { return headers(u, code, lines...) + "\r\n" + more }
}

func startWith(raw string) func(harness.User, string) string {
	return func(harness.User, string) string { return raw }
}

var slowClients = []slowClient{
	{"headers", func(u harness.User, code string) string { return strings.TrimSuffix(headers(u, code), "\r\n") }, "X-A: b\r\n", timedOut},
	{"request line without an end", startWith("POST /v1/auth"), "/", timedOut},
	{"empty lines before the request", startWith("\r\n"), "\r\n", nil},
	{"body", startOf("", "Content-Length: 1000"), "{", timedOut},
	{"no body", startOf("", "Content-Length: 1000"), "", timedOut},
	{"no body after 100-continue", startOf("", "Content-Length: 1000", "Expect: 100-continue"), "", []answer{{100, ""}, {408, "request_timeout"}}},
	{"size of a chunk", startOf("", "Transfer-Encoding: chunked"), "0", timedOut},
	{"chunk", startOf("ffff\r\n", "Transfer-Encoding: chunked"), "x", timedOut},
	{"trailer", startOf("0\r\n", "Transfer-Encoding: chunked"), "x", timedOut},
	{"nothing", startWith(""), "", timedOut},
}

// Many clients of each kind run at the same time. After ten seconds a request gets a 408, although bytes
// still arrive, and nothing of it is executed.
func TestSlowClientsAreDisconnectedAfterReadTimeout(t *testing.T) {
	parallel(t)
	each := harness.Scale(40, 200)
	n := each * len(slowClients)
	a := newAttack(t, n, clientOptions{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var latest time.Duration
	for _, client := range slowClients {
		for range each {
			all.Go(func() {
				took := a.runSlow(client, a.newCanary())
				mu.Lock()
				defer mu.Unlock()
				latest = max(latest, took)
			})
		}
	}
	all.Wait()
	a.finish(bounds{memory: int64(n) * 32 << 10, descriptors: n}, "connections", n, "kinds", len(slowClients), "latest_disconnect", latest.Round(10*time.Millisecond))
}

// runSlow runs one slow client and returns when the server disconnected it.
func (a *attack) runSlow(client slowClient, u harness.User) time.Duration {
	c := a.dial()
	if c == nil {
		return 0
	}
	defer c.close()
	started := time.Now()
	_ = c.conn.SetDeadline(started.Add(readTimeout + slackTime))
	_ = c.send(client.start(u, a.code))
	disconnected := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() { c.drip(client.drip, disconnected) })
	answers, closed := c.receiveAll()
	took := time.Since(started)
	close(disconnected)
	dripping.Wait()

	if !slices.Equal(answers, client.want) || !closed || took < readTimeout-time.Second {
		a.problem("%s: answered %v after %s, closed %t; want %v", client.name, answers, took, closed, client.want)
	}
	return took
}

func (c *rawConn) drip(bytes string, disconnected <-chan struct{}) {
	if bytes == "" {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for i := 0; ; i++ {
		select {
		case <-disconnected:
			return
		case <-second.C:
			if c.send(bytes[i%len(bytes):i%len(bytes)+1]) != nil {
				return
			}
		}
	}
}

// Clients send requests and read no answers. Once the buffers are full, the server must neither wait
// forever nor keep the answers.
func TestClientsThatReadNothingAreDisconnected(t *testing.T) {
	parallel(t)
	clients := harness.Scale(20, 100)
	a := newAttack(t, 0, clientOptions{})
	var all sync.WaitGroup
	for range clients {
		all.Go(a.sendWithoutReading)
	}
	all.Wait()
	a.finish(bounds{memory: int64(clients) * 64 << 10, descriptors: clients}, "connections", clients)
}

func (a *attack) sendWithoutReading() {
	c := a.dial()
	if c == nil {
		return
	}
	defer c.close()
	_ = c.conn.SetReadBuffer(4 << 10)
	_ = c.conn.SetDeadline(time.Now().Add(2*readTimeout + slackTime))
	requests := strings.Repeat("GET / HTTP/1.1\r\nHost: console.test\r\n\r\n", 1000)
	for {
		_, err := io.WriteString(c.conn, requests)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			a.problem("a client that reads nothing was not disconnected within %s", 2*readTimeout+slackTime)
		}
		if err != nil {
			return
		}
	}
}
