package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/server"
)

func TestPathsAndMethodsAreExact(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	rows := []struct {
		line   string
		status int
		allow  string
	}{
		{"GET /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"HEAD /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"PUT /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"DELETE /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"PATCH /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"TRACE /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"CONNECT /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"OPTIONS /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"FOO /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"post /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"OTHER /v1/auth/attribute HTTP/1.1", 405, "POST"},
		{"GET /v1/auth/attribute?ref=abc HTTP/1.1", 405, "POST"},
		{"POST / HTTP/1.1", 405, "GET, HEAD"},
		{"POST /r/abc HTTP/1.1", 405, "GET, HEAD"},
		{"FOO /r/abc HTTP/1.1", 405, "GET, HEAD"},
		{"POST /healthz HTTP/1.1", 405, "GET, HEAD"},
		{"DELETE /readyz HTTP/1.1", 405, "GET, HEAD"},
		{"OPTIONS / HTTP/1.1", 405, "GET, HEAD"},

		{"POST /v1/auth/attribute/ HTTP/1.1", 404, ""},
		{"POST /V1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/Attribute HTTP/1.1", 404, ""},
		{"POST /v1//auth/attribute HTTP/1.1", 404, ""},
		{"POST //v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth%2Fattribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribut%65 HTTP/1.1", 404, ""},
		{"POST /v1/auth/./attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/x/../attribute HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute;x HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute#x HTTP/1.1", 404, ""},
		{"POST /v1/auth/attribute%00 HTTP/1.1", 404, ""},
		{"POST v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST http://console.test//v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST /http://console.test/v1/auth/attribute HTTP/1.1", 404, ""},
		{"POST //console.test/v1/auth/attribute HTTP/1.1", 404, ""},
		{"FOO /nowhere HTTP/1.1", 404, ""},
		{"GET /nowhere HTTP/1.1", 404, ""},
		{"HEAD /nowhere HTTP/1.1", 404, ""},
		{"GET /v1 HTTP/1.1", 404, ""},
		{"GET /v1/ HTTP/1.1", 404, ""},
		{"GET /v1/nowhere?ref=abc HTTP/1.1", 404, ""},
		{"GET /index.html?ref=abc HTTP/1.1", 404, ""},
		{"GET // HTTP/1.1", 404, ""},
		{"GET /r HTTP/1.1", 404, ""},
		{"GET /r/ HTTP/1.1", 404, ""},
		{"GET /R/abc HTTP/1.1", 404, ""},
		{"GET /r/abc/ HTTP/1.1", 404, ""},
		{"GET /r/abc/d HTTP/1.1", 404, ""},
		{"GET /r//abc HTTP/1.1", 404, ""},
		{"GET /r/abc%2Fd HTTP/1.1", 404, ""},
		{"GET /r/abc%2f HTTP/1.1", 404, ""},
		{"GET /healthz/ HTTP/1.1", 404, ""},
		{"OPTIONS * HTTP/1.1", 404, ""},
		{"CONNECT console.test:443 HTTP/1.1", 404, ""},
	}
	for _, row := range rows {
		t.Run(row.line, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a := ts.account()
			// Everything a call needs but the right path and method.
			raw := row.line + strings.TrimPrefix(post(a, "; ref_code=abc"), attributeLine)
			res := ts.ask(raw)
			tag := map[int]string{404: "not_found", 405: "method_not_allowed"}[row.status]
			res.wantError(t, row.status, tag)
			if got := res.one(t, "Allow"); got != row.allow {
				t.Errorf("Allow %q, want %q", got, row.allow)
			}
			ts.wantUntouched(t, a)
		})
	}
}

func TestTheAbsoluteFormOfATargetIsTheSamePath(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, target := range []string{"http://console.test/v1/auth/attribute", "HTTPS://console.test/v1/auth/attribute", "/v1/auth/attribute?u=http://x//y"} {
		ts.ask(strings.Replace(post(ts.account(), ""), "/v1/auth/attribute", target, 1)).wantOutcome(t, "no_cookie")
	}
	for _, target := range []string{"http://console.test", "http://console.test?ref=abc", "/?ref=abc&u=http://evil.example/r/x"} {
		if res := ts.ask(request("GET " + target + " HTTP/1.1")); res.status != 200 || res.body != server.LandingPage {
			t.Errorf("GET %s: %d", target, res.status)
		}
	}
}

// TestAmbiguousFramingIsRefused sends, behind each ambiguous request, a second one that would be
// valid: it must never run.
func TestAmbiguousFramingIsRefused(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	code := ts.account().Code
	const body = "\r\n{}"
	rows := map[string]struct{ line, lines, rest string }{
		"two lengths":                       {"", "Content-Length: 2\r\nContent-Length: 3", body},
		"two equal lengths":                 {"", "Content-Length: 2\r\ncontent-length: 2", body},
		"a list of lengths":                 {"", "Content-Length: 2, 2", body},
		"a negative length":                 {"", "Content-Length: -2", body},
		"a signed length":                   {"", "Content-Length: +2", body},
		"a hexadecimal length":              {"", "Content-Length: 0x2", body},
		"an empty length":                   {"", "Content-Length:", body},
		"a length of 30 digits":             {"", "Content-Length: " + strings.Repeat("9", 30), body},
		"length beside chunked":             {"", "Content-Length: 2\r\nTransfer-Encoding: chunked", "\r\n0\r\n\r\n"},
		"chunked beside length":             {"", "Transfer-Encoding: chunked\r\nContent-Length: 5", "\r\n0\r\n\r\n"},
		"chunked twice":                     {"", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "\r\n0\r\n\r\n"},
		"chunked, chunked":                  {"", "Transfer-Encoding: chunked, chunked", "\r\n0\r\n\r\n"},
		"another encoding":                  {"", "Transfer-Encoding: banana", "\r\n0\r\n\r\n"},
		"gzip, chunked":                     {"", "Transfer-Encoding: gzip, chunked", "\r\n0\r\n\r\n"},
		"identity":                          {"", "Transfer-Encoding: identity", body},
		"identity beside length":            {"", "Transfer-Encoding: identity\r\nContent-Length: 2", body},
		"an empty encoding":                 {"", "Transfer-Encoding:", body},
		"a quoted encoding":                 {"", `Transfer-Encoding: "chunked"`, "\r\n0\r\n\r\n"},
		"an encoding with a vertical tab":   {"", "Transfer-Encoding: \vchunked", "\r\n0\r\n\r\n"},
		"chunked in HTTP/1.0":               {"POST /v1/auth/attribute HTTP/1.0", "Transfer-Encoding: chunked", "\r\n0\r\n\r\n"},
		"a blank before the colon":          {"", "Content-Length : 2", body},
		"a blank before the encoding's":     {"", "Transfer-Encoding : chunked", body},
		"a tab before the colon":            {"", "Content-Length\t: 2", body},
		"a name with a control character":   {"", "Content-Length\v: 2", body},
		"a line without a name":             {"", ": 2", body},
		"a line without a colon":            {"", "rubbish", body},
		"a folded line":                     {"", "X-A: b\r\n c", body},
		"a folded line with a tab":          {"", "X-A: b\r\n\tc", body},
		"a folded line with a colon":        {"", "X-A: b\r\n Content-Length: 2", body},
		"a folded blank line":               {"", "X-A: b\r\n ", body},
		"a folded encoding":                 {"", "Transfer-Encoding:\r\n chunked", "\r\n0\r\n\r\n"},
		"a blank before the first line":     {"", "", body},
		"two hosts":                         {"", "Host: console.test", body},
		"NUL in a value":                    {"", "X-A: b\x00c", body},
		"NUL in a name":                     {"", "X-\x00A: b", body},
		"a bare CR in a value":              {"", "X-A: b\rContent-Length: 2", body},
		"a bare CR before the line's end":   {"", "X-A: b\r\r\nX-B: c", body},
		"a bare LF at a line's end":         {"", "X-A: b\nX-B: c", body},
		"a length behind a bare LF":         {"", "X-A: b\nContent-Length: 2", body},
		"a blank line of LF alone":          {"", "X-A: b", "\n{}"},
		"two blanks in the request line":    {"POST  /v1/auth/attribute HTTP/1.1", "X-A: b", body},
		"a blank in the target":             {"POST /v1/auth/attribute x HTTP/1.1", "X-A: b", body},
		"a tab in the target":               {"POST /v1/auth/attribute\tx HTTP/1.1", "X-A: b", body},
		"a control character in the path":   {"POST /v1/auth/attribute\x01 HTTP/1.1", "X-A: b", body},
		"a bare CR in the request line":     {"POST /v1/auth/attribute\rx HTTP/1.1", "X-A: b", body},
		"a method that is no token":         {"PO(ST /v1/auth/attribute HTTP/1.1", "X-A: b", body},
		"HTTP/2":                            {"POST /v1/auth/attribute HTTP/2.0", "X-A: b", body},
		"HTTP/1.2":                          {"POST /v1/auth/attribute HTTP/1.2", "X-A: b", body},
		"lower case http/1.1":               {"POST /v1/auth/attribute http/1.1", "X-A: b", body},
		"a blank at the request line's end": {"POST /v1/auth/attribute HTTP/1.1 ", "X-A: b", body},
		"expecting to be told to continue":  {"", "Content-Length: 2\r\nContent-Length: 3\r\nExpect: 100-continue", "\r\n"},
		"a length never sent":               {"", "Content-Length: 9999\r\nContent-Length: 60000", "\r\n"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			a := ts.account()
			raw := strings.TrimSuffix(post(a, "; ref_code="+code, row.lines), "\r\n") + row.rest
			if row.lines == "" {
				raw = strings.Replace(post(a, "; ref_code="+code), "Host:", " Host:", 1)
			}
			if row.line != "" {
				raw = strings.Replace(raw, attributeLine, row.line, 1)
			}
			c := ts.dial()
			c.send(raw + post(a, "; ref_code="+code))
			c.receive("POST").wantError(t, 400, "bad_request")
			c.closed()
			ts.wantUntouched(t, a)
		})
	}
}

func TestAHostIsDemandedOfHTTP11Alone(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	hostless := strings.Replace(post(ts.account(), ""), "Host: console.test\r\n", "", 1)
	ts.ask(hostless).wantError(t, 400, "bad_request")
	ts.ask("GET /healthz HTTP/1.1\r\n\r\n").wantError(t, 400, "bad_request")
	ts.ask(strings.Replace(hostless, "HTTP/1.1", "HTTP/1.0", 1)).wantOutcome(t, "no_cookie")
	// Without a host, no origin is the server's own.
	ts.ask(strings.Replace(strings.Replace(hostless, "HTTP/1.1\r\n", "HTTP/1.0\r\nOrigin: http://console.test\r\n", 1), "Host", "", 1)).
		wantError(t, 403, "csrf_invalid")
}

func TestRubbishIsABadRequest(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, raw := range []string{
		"rubbish\r\n\r\n",
		" / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
		"POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
		"POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
		"POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n",
	} {
		t.Run(fmt.Sprintf("%.30q", raw), func(t *testing.T) {
			t.Parallel()
			ts := ts.in(t)
			c := ts.dial()
			c.send(raw)
			c.receive("").wantError(t, 400, "bad_request")
			c.closedGently()
		})
	}
}

func TestAChunkedRequestIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	c := ts.dial()
	c.send(post(a, "", "Transfer-Encoding: chunked") + "0;\n\r\n\r\n" + post(a, "; ref_code=abc"))
	c.receive("POST").wantOutcome(t, "no_cookie")
	c.closed()
	ts.wantUntouched(t, a)
}

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

func TestWhatDoesNotArriveInTimeIsATimeout(t *testing.T) {
	t.Parallel()
	ts := newServer(t, withReadTimeout(100*time.Millisecond))
	a := ts.account()
	whole := post(a, "; ref_code=abc")
	for name, raw := range map[string]string{
		"a body announced and never sent": withBody(whole, strings.Repeat("x", 9))[:len(whole)+10],
		"half a head":                     whole[:len(whole)/2],
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

func TestHalfARequestAndGoneIsNoRequest(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	raw := withBody(post(a, "; ref_code=abc"), "{}")
	c := ts.dial()
	c.send(raw[:len(raw)-1])
	if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.receive("POST").wantError(t, 400, "bad_request")
	c.closed()
	ts.wantUntouched(t, a)
}

func TestNothingInternalIsShown(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\nCookie : nl_session=visible-secret\r\n\r\n",
		"visible-secret\r\n\r\n",
		request("GET /visible-secret HTTP/1.1"),
		request("GET / HTTP/1.1", "X-A: "+strings.Repeat("visible-secret", 2000)),
	} {
		if res := ts.ask(raw); strings.Contains(res.body, "visible") || strings.Contains(fmt.Sprint(res.header), "visible") {
			t.Errorf("%.40q was answered %q %q", raw, res.header, res.body)
		}
	}
	if log := ts.log.String(); strings.Contains(log, "visible") {
		t.Errorf("log %s", log)
	}
}

func TestOnlyATrustedProxyChoosesTheRequestID(t *testing.T) {
	t.Parallel()
	sent := func(ids ...string) string {
		var lines []string
		for _, id := range ids {
			lines = append(lines, "X-Request-Id: "+id)
		}
		return request("GET /nowhere HTTP/1.1", lines...)
	}
	direct, proxied := newServer(t), newServer(t, trusting("127.0.0.0/8"))
	direct.ask(sent("mine-1")).wantError(t, 404, "not_found") // demands an id of the server's own

	long := strings.Repeat("x", 128)
	for _, id := range []string{"mine-1", "A.b_c-9", "x", long} {
		if res := proxied.ask(sent(id)); res.one(t, "X-Request-Id") != id || !strings.Contains(res.body, `"request_id":"`+id+`"`) {
			t.Errorf("request id %q became %q in %s", id, res.one(t, "X-Request-Id"), res.body)
		}
	}
	for _, ids := range [][]string{{""}, {"a b"}, {"a\"b"}, {"é"}, {long + "x"}, {"a", "a"}, {"a,b"}, nil} {
		proxied.ask(sent(ids...)).wantError(t, 404, "not_found")
	}
}
