package hostile

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

var seed = flag.Uint64("seed", 0, "repeat the run of that `seed`; 0 chooses one")

// newRand returns the random numbers of a test, and prints how to repeat them.
func newRand(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	fmt.Printf("%s: -args -seed %d\n", t.Name(), n)
	return rand.New(rand.NewPCG(n, 0))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// Each request contains or precedes a hidden one, which one parser may take for a body and another for a
// request. The server must not execute it. It would be a valid call of a canary user, so the audit log
// would show it.
func TestHiddenRequestsAreNeverExecuted(t *testing.T) {
	r := newRand(t)
	n := harness.Scale(4000, 40000)
	a := newAttack(t, 2, clientOptions{})
	u, canary := a.newUser(), a.newCanary()
	cases := make([]smuggleCase, n)
	for i := range cases {
		cases[i] = newSmuggleCase(r, u, request(canary, a.code))
	}
	a.flood(n, func(i int) { a.sendSmuggleCase(cases[i]) })
	a.finish(bounds{memory: floodConns * perIncomplete, descriptors: 2 * floodConns}, "requests", n)
}

// smuggleCase is sent on one connection.
type smuggleCase struct {
	raw  string
	want []answer // nil means one answer, which may be a rejection
}

// newSmuggleCase hides a request in one of the ways below.
func newSmuggleCase(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	return pick(r, inBody, inBody, inChunk, withTwoLengths, withTwoLengths, withLengthAndChunks,
		withLengthAndChunks, afterOddChunks, afterOddChunks, afterOddLines, afterOddLines)(r, u, hidden)
}

// inBody is framed correctly: the hidden request is the body, and another request follows.
func inBody(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	length := pick(r, "Content-Length:", "Content-Length: ", "content-length:  ", "CONTENT-LENGTH: ") + fmt.Sprint(len(hidden))
	return smuggleCase{headers(u, "", length) + "\r\n" + hidden + healthRequest, []answer{noCookie, page}}
}

// inChunk is framed correctly too. After a chunked request the connection is closed.
func inChunk(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	cut := 1 + r.IntN(len(hidden)-1)
	body := fmt.Sprintf("%x\r\n%s\r\n%X\r\n%s\r\n0\r\n\r\n", cut, hidden[:cut], len(hidden)-cut, hidden[cut:])
	return smuggleCase{headers(u, "", pick(r, "Transfer-Encoding: chunked", "transfer-encoding:CHUNKED")) + "\r\n" + body + healthRequest, []answer{noCookie}}
}

// withTwoLengths has two lengths. By one of them the hidden request is the body.
func withTwoLengths(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	n := len(hidden)
	other := pick(r, "0", "1", "", "+0", "-1", "0x0", "00", "0,0", fmt.Sprint(n), fmt.Sprint(n-1), "18446744073709551616", "0 0")
	lines := []string{fmt.Sprintf("Content-Length: %d", n), pick(r, "Content-Length", "content-length", "Content-Length ", "Content-Length\t", "\tContent-Length") + ": " + other}
	if r.IntN(2) == 0 {
		slices.Reverse(lines)
	}
	return smuggleCase{headers(u, "", slices.Insert(lines, r.IntN(3), "X-A: b")...) + "\r\n" + hidden + healthRequest, []answer{badRequest}}
}

// withLengthAndChunks has a length and an encoding.
func withLengthAndChunks(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	encoding := pick(r, "Transfer-Encoding: ", "transfer-encoding:", "Transfer-Encoding : ", "Transfer-Encoding:\t", "X-A: b\r\n Transfer-Encoding: ", "Transfer-Encoding: \v") +
		pick(r, "chunked", "Chunked", "identity", "gzip, chunked", "chunked, identity", "xchunked", "chunked;q=1", `"chunked"`, "")
	body := pick(r, "0\r\n\r\n"+hidden, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	lines := []string{fmt.Sprintf("Content-Length: %d", pick(r, len(body), len(body)-len(hidden), 0)), encoding}
	if r.IntN(2) == 0 {
		slices.Reverse(lines)
	}
	return smuggleCase{headers(u, "", lines...) + "\r\n" + body, []answer{badRequest}}
}

// afterOddChunks has a body that ends before the hidden request for some parsers. This server reads nothing
// after a chunked request, so it may parse the chunks in either way.
func afterOddChunks(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	size := fmt.Sprintf("%x", len(hidden))
	body := pick(r,
		"0\r\n\r\n"+hidden,
		"0\n\n"+hidden,
		"0;x\r\n\r\n"+hidden,
		"0;\n\r\n"+hidden,
		"2;\nxx\r\n0\r\n\r\n"+hidden,
		"0\r\nX-A: b\r\n\r\n"+hidden,
		"0\r\nContent-Length: "+fmt.Sprint(len(hidden))+"\r\n\r\n"+hidden,
		"0\r\nTransfer-Encoding: chunked\r\n\r\n"+hidden,
		"0x0\r\n\r\n"+hidden, "+0\r\n\r\n"+hidden, "-1\r\n\r\n"+hidden, " 0\r\n\r\n"+hidden, "0 \r\n\r\n"+hidden,
		"00000000000000000\r\n\r\n"+hidden,
		"10000000000000000\r\n"+hidden, "ffffffffffffffff\r\n"+hidden, "fffffffffffffff1\r\n"+hidden,
		size+"\n"+hidden+"\r\n0\r\n\r\n",
		size+"\r\r\n"+hidden+"\r\n0\r\n\r\n",
		size+";"+strings.Repeat("x", 300)+"\r\n"+hidden+"\r\n0\r\n\r\n",
		"1\r\nxy\r\n0\r\n\r\n"+hidden,
	)
	raw := headers(u, "", "Transfer-Encoding: chunked") + "\r\n" + body
	return smuggleCase{raw, nil}
}

// afterOddLines has headers that end early for some parsers, or a version without such framing.
func afterOddLines(r *rand.Rand, u harness.User, hidden string) smuggleCase {
	raw := headers(u, "", fmt.Sprintf("Content-Length: %d", len(hidden))) + "\r\n"
	first, rest, _ := strings.Cut(raw, "\r\n")
	switch r.IntN(8) {
	case 0:
		raw = strings.Replace(raw, "X-CSRF", "X-A: b\r"+pick(r, "\r\n", "", "\r\r\n")+"Content-Length: 0\r\nX-CSRF", 1)
	case 1:
		raw = strings.Replace(raw, "X-CSRF", "X-A: b"+pick(r, "\x00", "\x00\n", "\r\x00")+"Content-Length: 0\r\nX-CSRF", 1)
	case 2:
		raw = strings.Replace(raw, "X-CSRF", pick(r, " ", "\t")+pick(r, "X-A: b", "Content-Length: 0", "")+"\r\nX-CSRF", 1)
	case 3:
		raw = pick(r, "POST /v1/auth/attribute HTTP/1.1 ", "POST /v1/auth/attribute  HTTP/1.1", "POST /v1/auth/attribute HTTP/1.10", "POST /v1/auth/attribute HTTP/2.0",
			"POST /v1/auth/attribute HTTP/1.1\r", "POST /v1/auth/attribute HTTP/0.9", "POST /v1/auth/attribute x HTTP/1.1", "POST\t/v1/auth/attribute HTTP/1.1") + "\r\n" + rest
	case 4:
		raw = strings.Replace(raw, "Content-Length: ", pick(r, "Content-Length : ", "Content\rLength: ", "Content-Length\x00: ", ":Content-Length: "), 1)
	case 5:
		raw = strings.Replace(raw, "Host: console.test", "Host: console.test\r\nHost: "+pick(r, "console.test", "x", ""), 1)
	case 6:
		raw = strings.Replace(first, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n" + strings.Replace(rest, "Content-Length: ", "Transfer-Encoding: chunked\r\nX-Length: ", 1) + "0\r\n\r\n"
	case 7:
		raw = strings.Replace(raw, "Host: console.test\r\n", "", 1)
	}
	return smuggleCase{raw + hidden, []answer{badRequest}}
}

func (a *attack) sendSmuggleCase(sc smuggleCase) {
	c := a.dial()
	if c == nil {
		return
	}
	defer c.close()
	_ = c.send(sc.raw)
	_ = c.conn.CloseWrite()
	got, closed := c.receiveAll()
	ok := slices.Equal(got, sc.want)
	if sc.want == nil {
		ok = len(got) == 1 && (got[0] == noCookie || got[0] == badRequest || got[0].status == 413)
	}
	if !ok || !closed {
		start, _, _ := strings.Cut(sc.raw, "Cookie:")
		_, rest, _ := strings.Cut(sc.raw, "nl_session=")
		_, lines, _ := strings.Cut(rest, "\r\n")
		a.problem("%q … %.120q was answered %v, closed %t; want %v", start, lines, got, closed, sc.want)
	}
}
