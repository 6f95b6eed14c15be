package hostile

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

// crew is on how many connections a flood comes at a time.
const crew = 16

// flood has the crew send n times.
func (s *siege) flood(n int, once func(i int)) {
	var all sync.WaitGroup
	for part := range crew {
		all.Go(func() {
			for i := part; i < n; i += crew {
				once(i)
			}
		})
	}
	all.Wait()
}

// padded fills the head of a call up to size with one header line, over and over.
func padded(raw, line string, size int) string {
	for len(raw)+len(line)+4 <= size {
		raw += line + "\r\n"
	}
	return raw + "X: " + strings.Repeat("x", max(0, size-len(raw)-7)) + "\r\n\r\n"
}

// TestFloodsOfHeadersAndCookies sends heads of 16 KiB, which are read and answered, and of 20 KiB, which
// are refused whatever they consist of.
func TestFloodsOfHeadersAndCookies(t *testing.T) {
	n := harness.Scale(2000, 20000)
	s := besiege(t, 1, manners{})
	p := s.person()
	manyCookies := func(size int) string { // of one name, with the real ones at the end
		raw := whole(p, "")
		return strings.Replace(raw, "Cookie: ", "Cookie: "+strings.Repeat("ref_codes=x; ", (size-len(raw))/13), 1)
	}
	fits, large := 16<<10, 20<<10
	floods := []struct {
		raw  string
		want answer
	}{
		{padded(call(p, ""), "X-A: b", fits), answer{200, "no_cookie"}},
		{padded(call(p, ""), "Cookie: a=b; c=d", fits), answer{200, "no_cookie"}},
		{padded(call(p, ""), "A:", fits), answer{200, "no_cookie"}},
		{manyCookies(fits), answer{200, "no_cookie"}},
		{padded(call(p, ""), "X-A: b", large), answer{431, "headers_too_large"}},
		{padded(call(p, ""), "Cookie: a=b; c=d", large), answer{431, "headers_too_large"}},
		{padded(call(p, ""), "A:", large), answer{431, "headers_too_large"}},
		{manyCookies(large + 13), answer{431, "headers_too_large"}},
		{strings.Repeat("x", 256<<10), answer{431, "headers_too_large"}},
	}
	s.flood(n, func(i int) {
		f := floods[i%len(floods)]
		s.once(f.raw, []answer{f.want})
	})
	s.lift(bounds{descriptors: 2 * crew}, "requests", n)
}

// once sends on a connection of its own, half-closes it, and demands just these answers.
func (s *siege) once(raw string, want []answer) {
	w := s.dial()
	if w == nil {
		return
	}
	defer w.close()
	_ = w.send(raw)
	_ = w.conn.CloseWrite()
	if got, closed := w.rest(); !slices.Equal(got, want) || !closed {
		s.fault("%.60q… of %d bytes was answered %v, closed %t; want %v", raw, len(raw), got, closed, want)
	}
}

// TestBodiesWithoutEnd sends bodies for as long as anybody takes them. The refusal comes before the body
// is read, and what is read after it, so that the client can hear it, is bounded.
func TestBodiesWithoutEnd(t *testing.T) {
	n := harness.Scale(400, 4000)
	s := besiege(t, 1, manners{})
	p := s.bait()
	chunk := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
	kinds := []struct{ head, more string }{
		{call(p, s.code, "Content-Length: 99999999999") + "\r\n", strings.Repeat("x", 64<<10)},
		{call(p, s.code, "Content-Length: 65537") + "\r\n", strings.Repeat("x", 64<<10)},
		{call(p, s.code, "Transfer-Encoding: chunked") + "\r\n", chunk},
		{call(p, s.code, "Transfer-Encoding: chunked") + "\r\n7ffffffffffffff\r\n", strings.Repeat("x", 64<<10)},
		{call(p, s.code, "Content-Length: 99999999999", "Expect: 100-continue") + "\r\n", strings.Repeat("x", 64<<10)},
	}
	var mu sync.Mutex
	most := 0
	s.flood(n, func(i int) {
		taken := s.pour(kinds[i%len(kinds)].head, kinds[i%len(kinds)].more)
		mu.Lock()
		defer mu.Unlock()
		most = max(most, taken)
	})
	// The kernel's buffers at both ends take some megabytes before anybody reads.
	if most > 32*mebibyte {
		t.Errorf("%d bytes of a refused body were taken", most)
	}
	s.lift(bounds{memory: crew * perHalf, descriptors: 2 * crew}, "requests", n, "most_taken_KiB", most>>10)
}

// pour sends the head and then more and more, and returns how many bytes were taken of it.
func (s *siege) pour(head, more string) (taken int) {
	w := s.dial()
	if w == nil {
		return 0
	}
	defer w.close()
	_ = w.send(head)
	var pouring sync.WaitGroup
	pouring.Go(func() {
		for taken < 256*mebibyte {
			n, err := io.WriteString(w.conn, more)
			if taken += n; err != nil {
				return
			}
		}
	})
	a, err := w.receive("POST")
	if err != nil || a.status != 413 {
		s.fault("%.60q… was answered %v, %v; want 413", head, a, err)
	}
	pouring.Wait()
	return taken
}

// TestThousandsOfPipelinedRequests sends them without waiting for an answer. Each is answered, once, in
// its order, and the call among them that attributes does so once.
func TestThousandsOfPipelinedRequests(t *testing.T) {
	requests, conns := 3000, harness.Scale(8, 64)
	s := besiege(t, conns, manners{})
	var all sync.WaitGroup
	for range conns {
		p := s.person()
		all.Go(func() { s.pipeline(p, requests) })
	}
	all.Wait()
	s.lift(bounds{memory: int64(conns) * perIdle, descriptors: conns}, "connections", conns, "requests", conns*requests)
}

func (s *siege) pipeline(p harness.Person, requests int) {
	w := s.dial()
	if w == nil {
		return
	}
	defer w.close()
	rows := []struct {
		raw, method string
		want        answer
	}{
		{health, "GET", answer{200, "page"}},
		{"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", answer{200, "page"}},
		{"GET /n HTTP/1.1\r\nHost: x\r\n\r\n", "GET", answer{404, "not_found"}},
		{whole(p, s.code), "POST", answer{200, "already_attributed"}},
		{call(p, s.code, "Content-Length: 2") + "\r\n{}", "POST", answer{200, "already_attributed"}},
		{"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "PUT", answer{405, "method_not_allowed"}},
		{whole(p, ""), "POST", answer{200, "no_cookie"}},
		{whole(harness.Person{Session: "x", CSRF: "x"}, s.code), "POST", answer{401, "unauthenticated"}},
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range requests {
			if w.send(rows[i%len(rows)].raw) != nil {
				return
			}
		}
	})
	for i := range requests {
		row := rows[i%len(rows)]
		if i == 3 {
			row.want.outcome = "attributed"
		}
		a, err := w.receive(row.method)
		s.acknowledged(p, a)
		if err != nil || a != row.want {
			s.fault("answer %d of the pipeline: %v, %v; want %v", i, a, err, row.want)
			w.close()
			break
		}
	}
	sending.Wait()
}

// TestAbortedRequestsAreWholeOrNothing resets connections in the middle of a request, right after it, and
// while its answer is on the way. Half a request is none; a whole one is decided once, whoever listens,
// and says so to who asks again.
func TestAbortedRequestsAreWholeOrNothing(t *testing.T) {
	n := harness.Scale(1500, 6000)
	s := besiege(t, n, manners{})
	s.flood(n, func(i int) {
		switch i % 3 {
		case 0:
			p := s.bait()
			raw := call(p, s.code, "Content-Length: 2") + "\r\n{}"
			s.abort(raw[:1+i*7919%(len(raw)-1)], false)
		default:
			p := s.person()
			s.mu.Lock()
			s.unsure = append(s.unsure, p)
			s.mu.Unlock()
			s.abort(strings.Repeat(whole(p, s.code), 1+i%5), i%3 == 2)
		}
	})
	asked, undecided := len(s.unsure), s.askAgain()
	s.lift(bounds{memory: crew * perIdle, descriptors: 3 * crew}, "aborted", n, "sent_whole", asked, "of_them_never_read", undecided)
}

// abort sends and resets: at once, or when the first bytes of the answer have come.
func (s *siege) abort(raw string, answered bool) {
	w := s.dial()
	if w == nil {
		return
	}
	_ = w.send(raw)
	if answered {
		if _, err := w.r.Peek(1); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			s.fault("an answer that is aborted: %v", err)
		}
	}
	w.reset()
}

// askAgain has everybody whose call was aborted call once more, and returns of how many the server had
// read nothing before: the others are told that they have a referrer already.
func (s *siege) askAgain() (undecided int) {
	c := harness.NewClient(1)
	defer c.Close()
	for _, p := range s.unsure {
		a, err := c.Attribute(s.Context(), s.srv.Address, p, s.code)
		if err != nil || !a.Attributed && a.Reason != "already_attributed" {
			s.fault("after an aborted call: %+v, %v", a, err)
		}
		if a.Attributed {
			undecided++
		}
		// Either way there is an attribution now, which the ledger demands.
		s.ledger.Answered(p, s.code, harness.Answer{Status: a.Status, Attributed: true})
	}
	s.unsure = nil
	return undecided
}
