package server_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// framing is a way to say where a request ends. {n} is replaced by the length of its body.
type framing struct {
	version string
	lines   []string
	status  int // of the error that must answer it, or 0
}

const hostLine = "Host: {host}"

var framings = []framing{
	{"HTTP/1.1", []string{hostLine}, 0},
	{"HTTP/1.1", []string{hostLine, "Content-Length: {n}"}, 0},
	{"HTTP/1.1", []string{hostLine, "Transfer-Encoding: chunked"}, 0},
	{"HTTP/1.1", []string{"transfer-encoding:Chunked", hostLine}, 0},
	{"HTTP/1.0", []string{"Content-Length: {n}"}, 0},
	{"HTTP/1.0", []string{hostLine}, 0},
	{"HTTP/1.1", nil, 400},
	{"HTTP/1.1", []string{hostLine, "Content-Length: {n}", "Content-Length: {n}"}, 400},
	{"HTTP/1.1", []string{hostLine, "Content-Length: {n}", "Transfer-Encoding: chunked"}, 400},
	{"HTTP/1.1", []string{hostLine, "Transfer-Encoding: gzip, chunked"}, 400},
	{"HTTP/1.0", []string{hostLine, "Transfer-Encoding: chunked"}, 400},
	{"HTTP/1.1", []string{hostLine, "X-Folded: a", " b"}, 400},
	{"HTTP/1.1", []string{hostLine, "Host: other.test"}, 400},
	{"HTTP/2.0", []string{hostLine}, 400},
	{"HTTP/1.1", []string{hostLine, "Content-Length: 65537"}, 413},
}

// says reports whether a line of the framing contains the text.
func (f framing) says(text string) bool {
	return slices.ContainsFunc(f.lines, func(line string) bool {
		return strings.Contains(strings.ToLower(line), text)
	})
}

// last reports whether the connection must be closed after the answer.
func (f framing) last() bool {
	return f.status != 0 || f.version == "HTTP/1.0" || f.says("chunked")
}

// The bits of the kind of a request, next to the number of its framing.
const (
	kindPort    = 0x40 // its host has a port
	kindProxied = 0x80 // it comes through the proxy
)

// FuzzRequest sends complete requests to a server with a real store and compares every answer with the model
// (model_test.go). After each request comes another one, which must be answered as if it had come alone, or not at all.
func FuzzRequest(f *testing.F) {
	const path, cookies = "/v1/auth/attribute", "nl_session=$a; nl_csrf=$A; ref_code=$1"
	for kind := range framings {
		f.Add("POST", path, cookies, "$A", "", "", "{}", uint8(kind))
	}
	f.Add("GET", "/?ref=$1", "", "", "", "Sec-Purpose: none", "", uint8(0))
	f.Add("GET", "/r/$2", "ref_code=$3", "", "", "X-Forwarded-Proto: https", "", uint8(kindProxied))
	s := newFuzzServer(f)
	f.Fuzz(func(t *testing.T, method, target, cookies, token, origin, more, body string, kind uint8) {
		a := asked{
			method: oneLine(s.fill(method)), target: oneLine(s.fill(target)),
			framing: framings[int(kind%kindPort)%len(framings)], proxied: kind&kindProxied != 0,
		}
		if a.framing.says("{host}") {
			if a.host = "console.test"; kind&kindPort != 0 {
				a.host += ":8443"
			}
		}
		a.add("Cookie: ", s.fill(cookies))
		a.add("X-CSRF-Token: ", s.fill(token))
		a.add("Origin: ", s.fill(origin))
		a.add("", s.fill(more))
		s.play(t, a, body)
	})
}

// fill puts the secrets of the fixtures into a part of a request, and removes what would end its line: FuzzRawBytes
// tests the ends of lines.
func (s *fuzzServer) fill(part string) string {
	return unsplit.Replace(s.fixtures.names.Replace(part[:min(len(part), 1<<10)]))
}

var unsplit = strings.NewReplacer("\r", "", "\x00", "")

// oneLine is for the request line. In other parts, ends of lines separate header lines.
func oneLine(part string) string { return strings.ReplaceAll(part, "\n", "") }

// add adds a header line for every line of the values, if there are any. Only the framing adds those that frame the
// request.
func (a *asked) add(name, values string) {
	if values == "" {
		return
	}
	for value := range strings.SplitSeq(values, "\n") {
		line := name + value
		n, _, found := strings.Cut(line, ":")
		if !found && a.method == "HEAD" {
			// fasthttp forgets the method of a request whose headers it cannot read: the error has a body then. The
			// connection is closed after it, so no client takes the body for an answer.
			continue
		}
		switch strings.ToLower(n) {
		case "content-length", "transfer-encoding", "expect", "":
			continue
		}
		a.lines = append(a.lines, line)
	}
}

// wire returns the request as it goes over the wire.
func (a asked) wire(body string) string {
	var b strings.Builder
	b.WriteString(a.method + " " + a.target + " " + a.framing.version + "\r\n")
	fill := strings.NewReplacer("{host}", a.host, "{n}", strconv.Itoa(len(body)))
	for _, line := range a.framing.lines {
		b.WriteString(fill.Replace(line) + "\r\n")
	}
	for _, line := range a.lines {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	switch {
	case a.framing.says("chunked") && body != "":
		b.WriteString(strconv.FormatInt(int64(len(body)), 16) + "\r\n" + body + "\r\n0\r\n\r\n")
	case a.framing.says("chunked"):
		b.WriteString("0\r\n\r\n")
	case a.framing.says("{n}"):
		b.WriteString(body)
	}
	return b.String()
}

// play sends the request and another one after it, and compares the answers with the model.
func (s *fuzzServer) play(t *testing.T, a asked, body string) {
	t.Helper()
	raw, want := a.wire(body), s.fixtures.answer(a)
	defer func() {
		if t.Failed() {
			t.Logf("sent %q", raw)
		}
	}()
	c := s.connect(t, a.proxied)
	c.send(raw + request("GET /healthz HTTP/1.1"))
	got := c.receive(a.method)
	got.wantAnswer(t, a, want)
	s.baseline.wantNothingNew(t, got)
	if got.one(t, "Connection") == "close" {
		c.closed()
	} else if next := c.receive("GET"); next.status != 200 || next.body != `{"status":"ok"}` {
		t.Errorf("the next request was answered %d %q", next.status, next.body)
	}
	s.log.wantNone(t)
	if got.body == `{"attributed":true}` {
		s.renewFixtures(t)
	}
}
