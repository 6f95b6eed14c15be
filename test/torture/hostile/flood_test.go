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

// floodConns is the number of concurrent connections of a flood.
const floodConns = 16

// flood calls send n times.
func (a *attack) flood(n int, send func(i int)) {
	var all sync.WaitGroup
	for part := range floodConns {
		all.Go(func() {
			for i := part; i < n; i += floodConns {
				send(i)
			}
		})
	}
	all.Wait()
}

// padded repeats one header line until the headers have that size.
func padded(raw, line string, size int) string {
	for len(raw)+len(line)+4 <= size {
		raw += line + "\r\n"
	}
	return raw + "X: " + strings.Repeat("x", max(0, size-len(raw)-7)) + "\r\n\r\n"
}

// Headers of 16 KiB are read and answered. Headers of 20 KiB are rejected, whatever they contain.
func TestLargeHeadersAreAcceptedOrRejectedBySize(t *testing.T) {
	n := harness.Scale(2000, 20000)
	a := newAttack(t, 1, clientOptions{})
	u := a.newUser()
	manyCookies := func(size int) string { // of one name, with the real ones at the end
		raw := request(u, "")
		return strings.Replace(raw, "Cookie: ", "Cookie: "+strings.Repeat("ref_codes=x; ", (size-len(raw))/13), 1)
	}
	fits, large := 16<<10, 20<<10
	tooLarge := answer{431, "headers_too_large"}
	floods := []struct {
		raw  string
		want answer
	}{
		{padded(headers(u, ""), "X-A: b", fits), noCookie},
		{padded(headers(u, ""), "Cookie: a=b; c=d", fits), noCookie},
		{padded(headers(u, ""), "A:", fits), noCookie},
		{manyCookies(fits), noCookie},
		{padded(headers(u, ""), "X-A: b", large), tooLarge},
		{padded(headers(u, ""), "Cookie: a=b; c=d", large), tooLarge},
		{padded(headers(u, ""), "A:", large), tooLarge},
		{manyCookies(large + 13), tooLarge},
		{strings.Repeat("x", 256<<10), tooLarge},
	}
	a.flood(n, func(i int) {
		f := floods[i%len(floods)]
		a.sendOnce(f.raw, []answer{f.want})
	})
	a.finish(bounds{descriptors: 2 * floodConns}, "requests", n)
}

// sendOnce sends on a new connection, half-closes it, and expects exactly these answers.
func (a *attack) sendOnce(raw string, want []answer) {
	c := a.dial()
	if c == nil {
		return
	}
	defer c.close()
	_ = c.send(raw)
	_ = c.conn.CloseWrite()
	if got, closed := c.receiveAll(); !slices.Equal(got, want) || !closed {
		a.problem("%.60q… of %d bytes was answered %v, closed %t; want %v", raw, len(raw), got, closed, want)
	}
}

// Bodies are sent for as long as the server reads. The rejection comes before the body is read. What is
// read after it, so that the client gets the answer, is bounded.
func TestEndlessBodiesAreRejectedBeforeTheyAreRead(t *testing.T) {
	n := harness.Scale(400, 4000)
	a := newAttack(t, 1, clientOptions{})
	u := a.newCanary()
	chunk := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
	bodies := []struct{ headers, more string }{
		{headers(u, a.code, "Content-Length: 99999999999") + "\r\n", strings.Repeat("x", 64<<10)},
		{headers(u, a.code, "Content-Length: 65537") + "\r\n", strings.Repeat("x", 64<<10)},
		{headers(u, a.code, "Transfer-Encoding: chunked") + "\r\n", chunk},
		{headers(u, a.code, "Transfer-Encoding: chunked") + "\r\n7ffffffffffffff\r\n", strings.Repeat("x", 64<<10)},
		{headers(u, a.code, "Content-Length: 99999999999", "Expect: 100-continue") + "\r\n", strings.Repeat("x", 64<<10)},
	}
	var mu sync.Mutex
	most := 0
	a.flood(n, func(i int) {
		read := a.sendEndless(bodies[i%len(bodies)].headers, bodies[i%len(bodies)].more)
		mu.Lock()
		defer mu.Unlock()
		most = max(most, read)
	})
	// The kernel buffers some megabytes at both ends.
	if most > 32*mebibyte {
		t.Errorf("%d bytes of a rejected body were read", most)
	}
	a.finish(bounds{memory: floodConns * perIncomplete, descriptors: 2 * floodConns}, "requests", n, "most_read_KiB", most>>10)
}

// sendEndless sends the headers and then more and more. It returns how many bytes the server took.
func (a *attack) sendEndless(headers, more string) (sent int) {
	c := a.dial()
	if c == nil {
		return 0
	}
	defer c.close()
	_ = c.send(headers)
	var sending sync.WaitGroup
	sending.Go(func() {
		for sent < 256*mebibyte {
			n, err := io.WriteString(c.conn, more)
			if sent += n; err != nil {
				return
			}
		}
	})
	ans, err := c.receive("POST")
	if err != nil || ans.status != 413 {
		a.problem("%.60q… was answered %v, %v; want 413", headers, ans, err)
	}
	sending.Wait()
	return sent
}

// Requests are sent without waiting for answers. Each is answered once, in order. The only call that
// can attribute does so once.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	requests, conns := 3000, harness.Scale(8, 64)
	a := newAttack(t, conns, clientOptions{})
	var all sync.WaitGroup
	for range conns {
		u := a.newUser()
		all.Go(func() { a.pipeline(u, requests) })
	}
	all.Wait()
	a.finish(bounds{memory: int64(conns) * perIdle, descriptors: conns}, "connections", conns, "requests", conns*requests)
}

func (a *attack) pipeline(u harness.User, requests int) {
	c := a.dial()
	if c == nil {
		return
	}
	defer c.close()
	cycle := []struct {
		raw, method string
		want        answer
	}{
		{healthRequest, "GET", page},
		{"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD", page},
		{"GET /n HTTP/1.1\r\nHost: x\r\n\r\n", "GET", answer{404, "not_found"}},
		{request(u, a.code), "POST", answer{200, "already_attributed"}},
		{headers(u, a.code, "Content-Length: 2") + "\r\n{}", "POST", answer{200, "already_attributed"}},
		{"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "PUT", answer{405, "method_not_allowed"}},
		{request(u, ""), "POST", noCookie},
		{request(harness.User{Session: "x", CSRF: "x"}, a.code), "POST", answer{401, "unauthenticated"}},
	}
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range requests {
			if c.send(cycle[i%len(cycle)].raw) != nil {
				return
			}
		}
	})
	for i := range requests {
		r := cycle[i%len(cycle)]
		if i == 3 {
			r.want.outcome = "attributed"
		}
		ans, err := c.receive(r.method)
		a.record(u, ans)
		if err != nil || ans != r.want {
			a.problem("answer %d of the pipeline: %v, %v; want %v", i, ans, err, r.want)
			c.close()
			break
		}
	}
	sending.Wait()
}

// Connections are reset in the middle of a request, right after it, and during its answer. An incomplete
// request is not executed. A complete one is decided once, even if its answer is not read, and the
// next call of the user says so.
func TestAbortedRequestsAreDecidedOnceOrNotAtAll(t *testing.T) {
	n := harness.Scale(1500, 6000)
	a := newAttack(t, n, clientOptions{})
	a.flood(n, func(i int) {
		switch i % 3 {
		case 0:
			u := a.newCanary()
			raw := headers(u, a.code, "Content-Length: 2") + "\r\n{}"
			a.abort(raw[:1+i*7919%(len(raw)-1)], false)
		default:
			u := a.newUser()
			a.mu.Lock()
			a.unread = append(a.unread, u)
			a.mu.Unlock()
			a.abort(strings.Repeat(request(u, a.code), 1+i%5), i%3 == 2)
		}
	})
	complete, undecided := len(a.unread), a.callAgain()
	a.finish(bounds{memory: floodConns * perIdle, descriptors: 3 * floodConns}, "aborted", n, "complete", complete, "undecided", undecided)
}

// abort sends and resets, at once or after the first bytes of the answer.
func (a *attack) abort(raw string, afterAnswer bool) {
	c := a.dial()
	if c == nil {
		return
	}
	_ = c.send(raw)
	if afterAnswer {
		if _, err := c.r.Peek(1); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			a.problem("an answer before the reset: %v", err)
		}
	}
	c.reset()
}

// callAgain lets every user call whose answer was not read. It returns how many the server had not read
// before: the others are already attributed.
func (a *attack) callAgain() (undecided int) {
	c := harness.NewClient(1)
	defer c.Close()
	for _, u := range a.unread {
		ans, err := c.Attribute(a.Context(), a.srv.Address, u, a.code)
		if err != nil || !ans.Attributed && ans.Reason != "already_attributed" {
			a.problem("after an aborted call: %+v, %v", ans, err)
		}
		if ans.Attributed {
			undecided++
		}
		// In both cases the attribution must be there.
		a.ledger.AddAnswer(u, a.code, harness.Answer{Status: ans.Status, Attributed: true})
	}
	a.unread = nil
	return undecided
}
