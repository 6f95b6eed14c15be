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

// Clients use another protocol or send garbage. Each gets one rejection, or in HTTP/1.0 its answer, and the
// connection is closed.
func TestOtherProtocolsAndGarbageAreRejected(t *testing.T) {
	r := newRand(t)
	rounds := harness.Scale(60, 600)
	cases := func(u harness.User) map[string]protocolCase {
		http10 := func(raw string) string { return strings.Replace(raw, "HTTP/1.1", "HTTP/1.0", 1) }
		withHeader := func(value string) string {
			return strings.Replace(request(u, ""), "X-CSRF", "X-A: "+value+"\r\nX-CSRF", 1)
		}
		garbage := make([]byte, 1+r.IntN(8<<10))
		for i := range garbage {
			garbage[i] = byte(r.Uint32())
		}
		return map[string]protocolCase{
			"HTTP/1.0":                         {http10(request(u, "")), []answer{noCookie}},
			"HTTP/1.0, two at once":            {http10(request(u, "")) + http10(request(u, "")), []answer{noCookie}},
			"HTTP/1.0, kept open":              {http10(headers(u, "", "Connection: keep-alive")+"\r\n") + http10(healthRequest), []answer{noCookie, page}},
			"HTTP/0.9":                         {"GET /\r\n", []answer{badRequest}},
			"a request line without a version": {"POST /v1/auth/attribute\r\nConnection: close\r\n\r\n" + request(u, ""), []answer{badRequest}},
			"the preface of HTTP/2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []answer{badRequest}},
			"an upgrade to HTTP/2":             {headers(u, "", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__") + "\r\n", []answer{noCookie}},
			"a tunnel":                         {"CONNECT console.test:443 HTTP/1.1\r\nHost: console.test\r\n\r\n" + request(u, ""), []answer{{404, "not_found"}, noCookie}},
			"a proxy's target":                 {strings.Replace(request(u, ""), "/v1", "http://elsewhere.test/v1", 1), []answer{noCookie}},
			"a proxy's target, another's":      {"GET http://elsewhere.test/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", []answer{{404, "not_found"}}},
			"invalid UTF-8 in the path":        {"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", []answer{{404, "not_found"}}},
			"invalid UTF-8 in a header":        {withHeader("\xff\xfe\xc0\x80"), []answer{noCookie}},
			"invalid UTF-8 in the session":     {request(harness.User{Session: "\xff\xfe", CSRF: "x"}, ""), []answer{{401, "unauthenticated"}}},
			"a NUL in a header":                {withHeader("a\x00b"), []answer{badRequest}},
			"a NUL in the path":                {"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", []answer{badRequest}},
			"an escape of the terminal":        {"GET /\x1b]0;x\x07 HTTP/1.1\r\nHost: x\r\n\r\n", []answer{badRequest}},
			"SSH":                              {"SSH-2.0-OpenSSH_9.6\r\n", []answer{badRequest}},
			"SMTP":                             {"EHLO console.test\r\nMAIL FROM:<x@console.test>\r\n\r\n", []answer{badRequest}},
			"a PROXY line":                     {"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + request(u, ""), []answer{badRequest}},
			"garbage":                          {string(garbage) + "\r\n\r\n", nil},
		}
	}
	a := newAttack(t, rounds+1, clientOptions{})
	var all []protocolCase
	for range rounds {
		all = slices.AppendSeq(all, maps.Values(cases(a.newUser())))
		all = append(all, protocolCase{clientHello(t), []answer{badRequest}})
	}
	a.flood(len(all), func(i int) { a.sendCase(all[i]) })
	invalid := a.newUser()
	a.sendOnce(request(invalid, "caf\xc3\xa9\xff"), []answer{{200, "invalid_code"}})
	a.finish(bounds{memory: floodConns * perIdle, descriptors: 2 * floodConns}, "connections", len(all)+1)
}

type protocolCase struct {
	raw  string
	want []answer // nil means any one rejection
}

func (a *attack) sendCase(p protocolCase) {
	if p.want != nil {
		a.sendOnce(p.raw, p.want)
		return
	}
	c := a.dial()
	if c == nil {
		return
	}
	defer c.close()
	_ = c.send(p.raw)
	_ = c.conn.CloseWrite()
	got, closed := c.receiveAll()
	if len(got) != 1 || !slices.Contains([]int{400, 431}, got[0].status) || !closed {
		a.problem("garbage was answered %v, closed %t", got, closed)
	}
}

// clientHello returns the first record of a TLS client.
func clientHello(t *testing.T) string {
	client, server := net.Pipe()
	defer func() { _ = server.Close() }()
	go func() {
		c := tls.Client(client, &tls.Config{ServerName: "console.test", MinVersion: tls.VersionTLS12})
		_ = c.HandshakeContext(t.Context())
		_ = client.Close()
	}()
	record := make([]byte, 5)
	if _, err := io.ReadFull(server, record); err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, int(record[3])<<8|int(record[4]))
	if _, err := io.ReadFull(server, hello); err != nil {
		t.Fatal(err)
	}
	return string(record) + string(hello)
}
