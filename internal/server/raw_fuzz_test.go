package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// FuzzRawBytes sends any bytes, with the secrets of the fixtures filled in, and closes its side. What comes back must
// be complete answers made of pieces of the baseline, and no 500. The server may not have accepted more requests than a
// strict reader finds in the bytes.
func FuzzRawBytes(f *testing.F) {
	f.Add([]byte("POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nCookie: nl_session=$a; nl_csrf=$A; ref_code=$1\r\nX-CSRF-Token: $A\r\n\r\n"))
	f.Add([]byte("GET /?ref=abc HTTP/1.1\nHost: x\n\nHEAD /r/abc HTTP/1.1\nHost: x\n\nrubbish\n\n"))
	s := newFuzzServer(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = []byte(s.fixtures.names.Replace(string(raw)))
		c := s.connect(t, len(raw)%2 == 1)
		c.send(string(raw))
		if err := c.conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		come, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatalf("%q was not answered completely: %v, after %q", raw, err, come)
		}
		answers := s.baseline.wantAnswers(t, come)
		if n := accepted(answers); n > strictly(raw) {
			t.Errorf("%d requests were accepted, but a strict reader finds %d", n, strictly(raw))
		}
		s.log.wantNone(t)
		if bytes.Contains(come, []byte(`{"attributed":true}`)) {
			s.renewFixtures(t)
		}
		if t.Failed() {
			t.Logf("sent %q, got %q", raw, come)
		}
	})
}

var statusLine = regexp.MustCompile(`^HTTP/1\.1 ([1-5][0-9]{2}) [A-Za-z ]+$`)

// wantAnswers checks that the bytes are complete answers, each made of pieces of the baseline.
func (b baseline) wantAnswers(t *testing.T, come []byte) (answers []response) {
	t.Helper()
	for len(come) > 0 {
		head, rest, ok := bytes.Cut(come, []byte("\r\n\r\n"))
		lines := strings.Split(string(head), "\r\n")
		status := statusLine.FindStringSubmatch(lines[0])
		if !ok || status == nil {
			t.Fatalf("%q is not an answer", come)
		}
		got := response{header: make(map[string][]string)}
		got.status, _ = strconv.Atoi(status[1])
		for _, line := range lines[1:] {
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("%q is not a header", line)
			}
			name = textproto.CanonicalMIMEHeaderKey(name)
			got.header[name] = append(got.header[name], value)
		}
		got.body, come = bodyOf(t, got, rest)
		if got.status == 100 && len(got.header) == 0 {
			continue // the server asks for the body
		}
		b.wantNothingNew(t, got)
		answers = append(answers, got)
	}
	return answers
}

// bodyOf cuts the body off what follows the headers of an answer. The answer to HEAD announces a body that does not
// come: then the next answer or nothing follows.
func bodyOf(t *testing.T, got response, rest []byte) (body string, next []byte) {
	t.Helper()
	length := got.one(t, "Content-Length")
	if length == "" || len(rest) == 0 || bytes.HasPrefix(rest, []byte("HTTP/1.1 ")) {
		return "", rest
	}
	n, err := strconv.Atoi(length)
	if err != nil || n > len(rest) {
		t.Fatalf("Content-Length %q before %q", length, rest)
	}
	return string(rest[:n]), rest[n:]
}

// accepted counts the answers to requests that were understood.
func accepted(answers []response) (n int) {
	for _, a := range answers {
		switch a.status {
		case 400, 408, 413, 431:
		default:
			n++
		}
	}
	return n
}

// strictly counts the requests that the standard library finds in the bytes, whatever their methods and targets. It
// stops at one that it rejects, which is counted: this server may accept it, but must not read on after it.
func strictly(raw []byte) (n int) {
	for rest := afterBlanks(raw); len(rest) > 0; rest = afterBlanks(rest) {
		n++
		line, head, _ := bytes.Cut(rest, []byte{'\n'})
		version := bytes.TrimSuffix(line[bytes.LastIndexByte(line, ' ')+1:], []byte{'\r'})
		br := bufio.NewReader(io.MultiReader(strings.NewReader("POST / "+string(version)+"\n"), bytes.NewReader(head)))
		req, err := http.ReadRequest(br)
		if err != nil {
			return n
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return n
		}
		if rest, err = io.ReadAll(br); err != nil {
			return n
		}
	}
	return n
}

// afterBlanks removes the empty lines that may precede a request.
func afterBlanks(raw []byte) []byte {
	for {
		line, rest, found := bytes.Cut(raw, []byte{'\n'})
		if !found || len(bytes.TrimSuffix(line, []byte{'\r'})) > 0 {
			return raw
		}
		raw = rest
	}
}
