package server_test

import (
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	huge := strings.Repeat("x", 64<<10+1)
	// The body of the first is not even sent: the answer does not wait for it.
	tooLarge := map[string]string{
		"announced":              request(attributeLine, "Content-Length: 65537"),
		"announced, to continue": request(attributeLine, "Content-Length: 65537", "Expect: 100-continue"),
		"sent":                   withBody(post(a, "; ref_code=abc"), huge),
		"on any path":            withBody(request("PUT /nowhere HTTP/1.1"), huge),
		"of a GET":               withBody(request("GET / HTTP/1.1"), huge),
		"in one chunk":           request(attributeLine, "Transfer-Encoding: chunked") + "10001\r\n" + huge,
		"in chunks": request(attributeLine, "Transfer-Encoding: chunked") +
			strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 3),
		"in a chunk of 15 digits": request(attributeLine, "Transfer-Encoding: chunked") + "fffffffffffffff\r\n",
	}
	for name, raw := range tooLarge {
		t.Run("a body too large, "+name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			c := ts.dial()
			c.send(raw)
			c.receive(methodOf(raw)).wantError(t, 413, "payload_too_large")
			c.closedGently()
		})
	}
	t.Run("16 KiB of headers", func(t *testing.T) {
		t.Parallel()
		ts := ts.in(t)
		raw := post(a, "", "X-Padding: ")
		raw = strings.Replace(raw, "X-Padding: ", "X-Padding: "+strings.Repeat("x", 16<<10-len(raw)), 1)
		ts.ask(raw).wantOutcome(t, "no_cookie")
		ts.ask(raw+raw).wantOutcome(t, "no_cookie")
	})
	for name, raw := range map[string]string{
		"20 KiB of headers":         request(attributeLine, "X-Padding: "+strings.Repeat("x", 20<<10)),
		"20 KiB of cookies":         post(a, "; x="+strings.Repeat("x", 20<<10)),
		"20 KiB of request line":    request("GET /?" + strings.Repeat("x", 20<<10) + " HTTP/1.1"),
		"20 KiB of many lines":      request(attributeLine, strings.Split(strings.Repeat("X-A: b,", 3000)+"X-A: b", ",")...),
		"20 KiB without a line end": strings.Repeat("x", 20<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			c := ts.dial()
			c.send(raw)
			c.receive(methodOf(raw)).wantError(t, 431, "headers_too_large")
			c.closedGently()
		})
	}
}

func TestSlowRequestIsATimeout(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withReadTimeout(100*time.Millisecond))
	a := ts.account()
	complete := post(a, "; ref_code=abc")
	for name, raw := range map[string]string{
		"a body announced and never sent": withBody(complete, strings.Repeat("x", 9))[:len(complete)+10],
		"half of the headers":             complete[:len(complete)/2],
		"half a request line":             "POST /v1",
		"half a chunk":                    post(a, "", "Transfer-Encoding: chunked") + "5\r\n{}",
		"half a chunk's size":             post(a, "", "Transfer-Encoding: chunked") + "5",
		"half a trailer":                  post(a, "", "Transfer-Encoding: chunked") + "0\r\nX-A",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			c := ts.dial()
			c.send(raw)
			c.receive("POST").wantError(t, 408, "request_timeout")
			c.closed()
			ts.wantUntouched(t, a)
		})
	}
}
