package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// TestAmbiguousFramingIsRejected sends a valid request after each ambiguous one. It must never run.
func TestAmbiguousFramingIsRejected(t *testing.T) {
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
		"length next to chunked":            {"", "Content-Length: 2\r\nTransfer-Encoding: chunked", "\r\n0\r\n\r\n"},
		"chunked next to length":            {"", "Transfer-Encoding: chunked\r\nContent-Length: 5", "\r\n0\r\n\r\n"},
		"chunked twice":                     {"", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "\r\n0\r\n\r\n"},
		"chunked, chunked":                  {"", "Transfer-Encoding: chunked, chunked", "\r\n0\r\n\r\n"},
		"another encoding":                  {"", "Transfer-Encoding: banana", "\r\n0\r\n\r\n"},
		"gzip, chunked":                     {"", "Transfer-Encoding: gzip, chunked", "\r\n0\r\n\r\n"},
		"identity":                          {"", "Transfer-Encoding: identity", body},
		"identity next to length":           {"", "Transfer-Encoding: identity\r\nContent-Length: 2", body},
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
		"a length after a bare LF":          {"", "X-A: b\nContent-Length: 2", body},
		"a blank line of LF alone":          {"", "X-A: b", "\n{}"},
		"two blanks in the request line":    {"POST  /v1/auth/attribute HTTP/1.1", "X-A: b", body},
		"a blank in the target":             {"POST /v1/auth/attribute x HTTP/1.1", "X-A: b", body},
		"a tab in the target":               {"POST /v1/auth/attribute\tx HTTP/1.1", "X-A: b", body},
		"a control character in the path":   {"POST /v1/auth/attribute\x01 HTTP/1.1", "X-A: b", body},
		"a bare CR in the request line":     {"POST /v1/auth/attribute\rx HTTP/1.1", "X-A: b", body},
		"a method that is not a token":      {"PO(ST /v1/auth/attribute HTTP/1.1", "X-A: b", body},
		"HTTP/2":                            {"POST /v1/auth/attribute HTTP/2.0", "X-A: b", body},
		"HTTP/1.2":                          {"POST /v1/auth/attribute HTTP/1.2", "X-A: b", body},
		"lower case http/1.1":               {"POST /v1/auth/attribute http/1.1", "X-A: b", body},
		"a blank at the request line's end": {"POST /v1/auth/attribute HTTP/1.1 ", "X-A: b", body},
		"expecting 100 Continue":            {"", "Content-Length: 2\r\nContent-Length: 3\r\nExpect: 100-continue", "\r\n"},
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

// requestLines must be rejected. fasthttp accepts them.
var requestLines = map[string]string{
	"LF alone":                        "POST /v1/auth/attribute HTTP/1.1\n",
	"LF alone, HTTP/1.0":              "POST /v1/auth/attribute HTTP/1.0\n",
	"no version":                      "POST /v1/auth/attribute\r\n",
	"no version and LF alone":         "POST /v1/auth/attribute\n",
	"no target":                       "POST HTTP/1.1\r\n",
	"after an empty line of LF alone": "\nPOST /v1/auth/attribute HTTP/1.1\r\n",
}

// TestRequestLineOfLFAloneOrWithoutVersionIsRejected sends each on a new connection, on a kept one, and together with
// the request before. The valid request after it must never run.
func TestRequestLineOfLFAloneOrWithoutVersionIsRejected(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	code := ts.account().Code
	for name, line := range requestLines {
		for _, before := range []string{"", "kept", "pipelined"} {
			t.Run(name+"/"+before, func(t *testing.T) {
				t.Parallel()
				ts := ts.in(t)
				a := ts.account()
				valid := post(a, "; ref_code="+code)
				first := withBody(request("POST /healthz HTTP/1.1"), "\n \n")
				bad := strings.Replace(withBody(valid, "{}"), attributeLine+"\r\n", line, 1)
				c := ts.dial()
				if before == "kept" {
					c.send(first)
					c.receive("POST").wantError(t, 405, "method_not_allowed")
					first = ""
				}
				if before != "pipelined" {
					first = ""
				}
				c.send(first + bad + valid)
				if first != "" {
					c.receive("POST").wantError(t, 405, "method_not_allowed")
				}
				c.receive("POST").wantError(t, 400, "bad_request")
				c.closedGently()
				ts.wantUntouched(t, a)
			})
		}
	}
}

// TestBadRequestLineIsRejectedAtOnce sends nothing after the line, and does not close.
func TestBadRequestLineIsRejectedAtOnce(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	for _, raw := range []string{"GET /\r\n", "GET / HTTP/1.1\n", "GET HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.0\r\n\n",
		withBody(request(attributeLine), "")[:len(attributeLine)] + "\nHost: x\r\nContent-Length: 9\r\n\r\n"} {
		c := ts.dial()
		start := time.Now()
		c.send(raw)
		c.receive("").wantError(t, 400, "bad_request")
		c.closedGently()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q was answered after %s", raw, took)
		}
	}
}

func TestOnlyHTTP11RequiresAHost(t *testing.T) {
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

func TestMalformedBytesAreABadRequest(t *testing.T) {
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

func TestChunkedRequestIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	ts := newServer(t)
	a := ts.account()
	c := ts.dial()
	c.send(post(a, "", "Transfer-Encoding: chunked") + "0;\n\r\n\r\n" + post(a, "; ref_code=abc"))
	c.receive("POST").wantOutcome(t, "no_cookie")
	c.closed()
	ts.wantUntouched(t, a)
}

func TestHalfARequestIsABadRequest(t *testing.T) {
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

func TestRejectedRequestIsNotQuoted(t *testing.T) {
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
