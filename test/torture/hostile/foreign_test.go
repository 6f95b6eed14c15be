package hostile

import (
	"crypto/tls"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

// TestOtherProtocolsAndRubbish has clients that speak something else, or nothing sensible: each gets one
// refusal, or in HTTP/1.0 its answer, and the connection is closed.
func TestOtherProtocolsAndRubbish(t *testing.T) {
	r := dice(t)
	rounds := harness.Scale(60, 600)
	rows := func(p harness.Person) map[string]foreign {
		old := func(raw string) string { return strings.Replace(raw, "HTTP/1.1", "HTTP/1.0", 1) }
		odd := func(in string) string {
			return strings.Replace(whole(p, ""), "X-CSRF", "X-A: "+in+"\r\nX-CSRF", 1)
		}
		noise := make([]byte, 1+r.IntN(8<<10))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		return map[string]foreign{
			"HTTP/1.0":                     {old(whole(p, "")), []answer{done}},
			"HTTP/1.0, two at once":        {old(whole(p, "")) + old(whole(p, "")), []answer{done}},
			"HTTP/1.0, kept open":          {old(call(p, "", "Connection: keep-alive")+"\r\n") + old(health), []answer{done, healthy}},
			"HTTP/0.9":                     {"GET /\r\n", []answer{bad}},
			"a line without a version":     {"POST /v1/auth/attribute\r\nConnection: close\r\n\r\n" + whole(p, ""), []answer{{401, "unauthenticated"}}}, // read as HTTP/1.0
			"the preface of HTTP/2":        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []answer{bad}},
			"an upgrade to HTTP/2":         {call(p, "", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__") + "\r\n", []answer{done}},
			"a tunnel":                     {"CONNECT console.test:443 HTTP/1.1\r\nHost: console.test\r\n\r\n" + whole(p, ""), []answer{{404, "not_found"}, done}},
			"a proxy's target":             {strings.Replace(whole(p, ""), "/v1", "http://elsewhere.test/v1", 1), []answer{done}},
			"a proxy's target, another's":  {"GET http://elsewhere.test/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", []answer{{404, "not_found"}}},
			"invalid UTF-8 in the path":    {"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", []answer{{404, "not_found"}}},
			"invalid UTF-8 in a header":    {odd("\xff\xfe\xc0\x80"), []answer{done}},
			"invalid UTF-8 in the session": {whole(harness.Person{Session: "\xff\xfe", CSRF: "x"}, ""), []answer{{401, "unauthenticated"}}},
			"a NUL in a header":            {odd("a\x00b"), []answer{bad}},
			"a NUL in the path":            {"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", []answer{bad}},
			"an escape of the terminal":    {"GET /\x1b]0;x\x07 HTTP/1.1\r\nHost: x\r\n\r\n", []answer{bad}},
			"SSH":                          {"SSH-2.0-OpenSSH_9.6\r\n", []answer{bad}},
			"SMTP":                         {"EHLO console.test\r\nMAIL FROM:<x@console.test>\r\n\r\n", []answer{bad}},
			"a PROXY line":                 {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + whole(p, ""), []answer{bad}},
			"noise":                        {string(noise) + "\r\n\r\n", nil},
		}
	}
	s := besiege(t, rounds+1, manners{})
	var all []foreign
	for range rounds {
		all = slices.AppendSeq(all, maps.Values(rows(s.person())))
		all = append(all, foreign{clientHello(t), []answer{bad}})
	}
	s.flood(len(all), func(i int) { s.foreign(all[i]) })
	invalid := s.person()
	s.once(whole(invalid, "caf\xc3\xa9\xff"), []answer{{200, "invalid_code"}})
	s.lift(bounds{memory: crew * perIdle, descriptors: 2 * crew}, "connections", len(all)+1)
}

type foreign struct {
	raw  string
	want []answer // nil: any one refusal
}

func (s *siege) foreign(f foreign) {
	if f.want != nil {
		s.once(f.raw, f.want)
		return
	}
	w := s.dial()
	if w == nil {
		return
	}
	defer w.close()
	_ = w.send(f.raw)
	_ = w.conn.CloseWrite()
	got, closed := w.rest()
	if len(got) != 1 || !slices.Contains([]int{400, 431}, got[0].status) || !closed {
		s.fault("noise was answered %v, closed %t", got, closed)
	}
}

// clientHello is what a TLS client says first.
func clientHello(t *testing.T) string {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	go func() {
		c := tls.Client(here, &tls.Config{ServerName: "console.test", MinVersion: tls.VersionTLS12})
		_ = c.HandshakeContext(t.Context())
		_ = here.Close()
	}()
	record := make([]byte, 5)
	if _, err := io.ReadFull(there, record); err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, int(record[3])<<8|int(record[4]))
	if _, err := io.ReadFull(there, hello); err != nil {
		t.Fatal(err)
	}
	return string(record) + string(hello)
}
