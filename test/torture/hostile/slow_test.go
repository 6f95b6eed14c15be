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

// The server gives a request ten seconds, head and body together, and an answer as long to leave. The
// rest is for a busy machine.
const (
	readTimeout = 10 * time.Second
	lateness    = 8 * time.Second
)

// sloth is a client that takes its time: at once it sends the beginning, then a byte a second.
type sloth struct {
	name      string
	beginning func(p harness.Person, code string) string
	drip      string // one byte a second of it, over and over; empty: nothing more
	want      []answer
}

var (
	timedOut  = []answer{{408, "request_timeout"}}
	proceeded = []answer{{100, ""}, {408, "request_timeout"}}
)

var sloths = []sloth{
	{"a head, a byte a second", func(p harness.Person, code string) string {
		return strings.TrimSuffix(call(p, code), "\r\n")
	}, "X-A: b\r\n", timedOut},
	{"a head without a line end", func(harness.Person, string) string { return "POST /v1/auth" }, "/", timedOut},
	{"empty lines before the request", func(harness.Person, string) string { return "\r\n" }, "\r\n", nil},
	{"a body, a byte a second", func(p harness.Person, code string) string {
		return call(p, code, "Content-Length: 1000") + "\r\n"
	}, "{", timedOut},
	{"a body that never comes", func(p harness.Person, code string) string {
		return call(p, code, "Content-Length: 1000") + "\r\n"
	}, "", timedOut},
	{"a body that was asked for", func(p harness.Person, code string) string {
		return call(p, code, "Content-Length: 1000", "Expect: 100-continue") + "\r\n"
	}, "", proceeded},
	{"a chunk's size, a byte a second", func(p harness.Person, code string) string {
		return call(p, code, "Transfer-Encoding: chunked") + "\r\n"
	}, "0", timedOut},
	{"a chunk, a byte a second", func(p harness.Person, code string) string {
		return call(p, code, "Transfer-Encoding: chunked") + "\r\nffff\r\n"
	}, "x", timedOut},
	{"a trailer, a byte a second", func(p harness.Person, code string) string {
		return call(p, code, "Transfer-Encoding: chunked") + "\r\n0\r\n"
	}, "x", timedOut},
	{"not a word", func(harness.Person, string) string { return "" }, "", timedOut},
}

// TestSlowClientsAreCutOffAfterTenSeconds has many clients of each kind at a time. However it goes on
// dripping, a request is given up, with a 408, and nothing of it is done.
func TestSlowClientsAreCutOffAfterTenSeconds(t *testing.T) {
	beside(t)
	each := harness.Scale(40, 200)
	s := besiege(t, each*len(sloths), manners{})
	var all sync.WaitGroup
	var mu sync.Mutex
	var latest time.Duration
	for _, kind := range sloths {
		for range each {
			all.Go(func() {
				took := s.dawdle(kind, s.bait())
				mu.Lock()
				defer mu.Unlock()
				latest = max(latest, took)
			})
		}
	}
	all.Wait()
	s.lift(bounds{memory: int64(each*len(sloths)) * 32 << 10, descriptors: each * len(sloths)},
		"connections", each*len(sloths), "kinds", len(sloths), "latest_cut_off", latest.Round(10*time.Millisecond))
}

// dawdle is one slow client. It returns after what time the server gave it up.
func (s *siege) dawdle(kind sloth, p harness.Person) time.Duration {
	w := s.dial()
	if w == nil {
		return 0
	}
	defer w.close()
	began := time.Now()
	_ = w.conn.SetDeadline(began.Add(readTimeout + lateness))
	_ = w.send(kind.beginning(p, s.code))
	gone := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() { w.drip(kind.drip, gone) })
	answers, closed := w.rest()
	took := time.Since(began)
	close(gone)
	dripping.Wait()

	if !slices.Equal(answers, kind.want) || !closed || took < readTimeout-time.Second {
		s.fault("%s: answered %v after %s, closed %t; want %v", kind.name, answers, took, closed, kind.want)
	}
	return took
}

func (w *wire) drip(bytes string, gone <-chan struct{}) {
	if bytes == "" {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for i := 0; ; i++ {
		select {
		case <-gone:
			return
		case <-second.C:
			if w.send(bytes[i%len(bytes):i%len(bytes)+1]) != nil {
				return
			}
		}
	}
}

// TestClientsThatReadNoAnswersAreCutOff sends request after request and reads nothing. Once the buffers
// between the two are full the server must not wait for ever, nor keep the answers.
func TestClientsThatReadNoAnswersAreCutOff(t *testing.T) {
	beside(t)
	clients := harness.Scale(20, 100)
	s := besiege(t, 0, manners{})
	var all sync.WaitGroup
	for range clients {
		all.Go(s.deafen)
	}
	all.Wait()
	s.lift(bounds{memory: int64(clients) * 64 << 10, descriptors: clients}, "connections", clients)
}

func (s *siege) deafen() {
	w := s.dial()
	if w == nil {
		return
	}
	defer w.close()
	_ = w.conn.SetReadBuffer(4 << 10)
	_ = w.conn.SetDeadline(time.Now().Add(2*readTimeout + lateness))
	page := strings.Repeat("GET / HTTP/1.1\r\nHost: console.test\r\n\r\n", 1000)
	for {
		_, err := io.WriteString(w.conn, page)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.fault("a client that reads nothing was not cut off within %s", 2*readTimeout+lateness)
		}
		if err != nil {
			return
		}
	}
}
