package server_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// response is an answer as it came over the wire.
type response struct {
	status int
	header map[string][]string // canonical names, values in order
	body   string
}

// client is one connection. It sends bytes as they are.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (ts *testServer) dial() *client {
	ts.t.Helper()
	c, err := net.Dial("tcp", ts.addr)
	if err != nil {
		ts.t.Fatal(err)
	}
	ts.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(testTimeout)); err != nil {
		ts.t.Fatal(err)
	}
	return &client{t: ts.t, conn: c, r: bufio.NewReader(c)}
}

// ask sends one request on a connection of its own.
func (ts *testServer) ask(raw string) response {
	ts.t.Helper()
	c := ts.dial()
	defer func() { _ = c.conn.Close() }()
	c.send(raw)
	return c.receive(methodOf(raw))
}

func methodOf(raw string) string {
	method, _, _ := strings.Cut(strings.TrimLeft(raw, "\r\n"), " ")
	return method
}

func (c *client) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, raw); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// receive reads one answer, strictly: the status line, the headers, and as many bytes as announced.
func (c *client) receive(method string) response {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("read the status line: %v (after %q)", err, line)
	}
	m := regexp.MustCompile(`^HTTP/1\.1 (\d{3}) [A-Za-z ]+\r\n$`).FindStringSubmatch(line)
	if m == nil {
		c.t.Fatalf("status line %q", line)
	}
	res := response{header: make(map[string][]string)}
	res.status, _ = strconv.Atoi(m[1])
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("read the headers: %v", err)
		}
		if line == "\r\n" {
			break
		}
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r\n"), ": ")
		if !ok || !strings.HasSuffix(line, "\r\n") {
			c.t.Fatalf("header line %q", line)
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		res.header[name] = append(res.header[name], value)
	}
	res.body = c.body(method, res)
	return res
}

func (c *client) body(method string, res response) string {
	c.t.Helper()
	lengths := res.header["Content-Length"]
	if res.status == 204 {
		if len(lengths) != 0 {
			c.t.Fatalf("a 204 with Content-Length %q", lengths)
		}
		return ""
	}
	if method == "HEAD" && len(lengths) == 0 {
		return ""
	}
	if len(lengths) != 1 || len(res.header["Transfer-Encoding"]) != 0 {
		c.t.Fatalf("Content-Length %q, Transfer-Encoding %q", lengths, res.header["Transfer-Encoding"])
	}
	if method == "HEAD" {
		return ""
	}
	n, err := strconv.Atoi(lengths[0])
	if err != nil {
		c.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		c.t.Fatalf("read the body: %v", err)
	}
	return string(b)
}

// closed checks that the server sends nothing more and closes.
func (c *client) closed() {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if len(b) > 0 {
		c.t.Errorf("the server continued with %q", b)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Error("the server did not close the connection")
	} else if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Error(err)
	}
}

// closedGently checks that the server closes without a reset, which could overtake its answer.
func (c *client) closedGently() {
	c.t.Helper()
	if b, err := io.ReadAll(c.r); len(b) > 0 || err != nil {
		c.t.Errorf("after the answer came %q and %v, want the end of the connection", b, err)
	}
}

// one returns the only value of a header, or "" if there is none.
func (r response) one(t testing.TB, name string) string {
	t.Helper()
	switch values := r.header[name]; len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	default:
		t.Errorf("%d %s headers: %q", len(values), name, values)
		return values[0]
	}
}

var newIDForm = regexp.MustCompile(`^req_[0-9a-f]{16}$`)

// wantError checks the envelope and its tag, and that no cookie is set or deleted.
func (r response) wantError(t testing.TB, status int, tag string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d; body %q", r.status, status, r.body)
	}
	if got := r.one(t, "Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	r.wantCommon(t)
	if got := r.header["Set-Cookie"]; got != nil {
		t.Errorf("Set-Cookie %q, want none", got)
	}
	if got, want := r.one(t, "Retry-After") != "", status == 503 || status == 429; got != want {
		t.Errorf("Retry-After is present: %t, want %t", got, want)
	}
	if got, want := r.one(t, "Allow") != "", status == 405; got != want {
		t.Errorf("Allow is present: %t, want %t", got, want)
	}
	if r.body == "" {
		return // to HEAD
	}
	var envelope map[string]string
	if err := json.Unmarshal([]byte(r.body), &envelope); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	if envelope["error"] != tag {
		t.Errorf("error %q, want %q", envelope["error"], tag)
	}
	if len(envelope) != 3 || envelope["message"] == "" || envelope["request_id"] != r.one(t, "X-Request-Id") {
		t.Errorf("envelope %q with X-Request-Id %q", r.body, r.one(t, "X-Request-Id"))
	}
}

// wantCommon checks what every answer has.
func (r response) wantCommon(t testing.TB) {
	t.Helper()
	if got := r.one(t, "Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := r.one(t, "X-Request-Id"); !newIDForm.MatchString(got) {
		t.Errorf("X-Request-Id %q", got)
	}
}

const deleteRefCode = "ref_code=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax"

// wantOutcome checks a 200 of attribute with that reason, or with attributed if it is empty.
func (r response) wantOutcome(t testing.TB, reason string) {
	t.Helper()
	want := `{"attributed":true}`
	if reason != "" {
		want = `{"attributed":false,"reason":"` + reason + `"}`
	}
	if r.status != 200 || r.body != want {
		t.Errorf("%d %s, want 200 %s", r.status, r.body, want)
	}
	if got := r.one(t, "Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	r.wantCommon(t)
	if got := r.one(t, "Set-Cookie"); got != deleteRefCode {
		t.Errorf("Set-Cookie %q, want %q", got, deleteRefCode)
	}
}
