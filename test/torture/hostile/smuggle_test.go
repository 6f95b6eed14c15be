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

var seed = flag.Uint64("seed", 0, "repeat the run of that `seed`; 0 makes one")

// dice returns the random choices of a test, and prints how to have the same again.
func dice(t *testing.T) *rand.Rand {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	fmt.Printf("%s: -args -seed %d\n", t.Name(), n)
	return rand.New(rand.NewPCG(n, 0))
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// TestNothingIsSmuggledIn sends, thousands of times, a request with a second one in it or behind it,
// where some reader might take it for a body, and another for a request. The one who has been told how to
// read it must find no request there: it would be valid, and its trace in the audit log would show.
func TestNothingIsSmuggledIn(t *testing.T) {
	r := dice(t)
	n := harness.Scale(4000, 40000)
	s := besiege(t, 2, manners{})
	p, bait := s.person(), s.bait()
	wrappings := make([]wrapping, n)
	for i := range wrappings {
		wrappings[i] = wrap(r, p, whole(bait, s.code))
	}
	s.flood(n, func(i int) { s.unwrap(wrappings[i]) })
	s.lift(bounds{memory: crew * perHalf, descriptors: 2 * crew}, "requests", n)
}

// wrapping is what is sent on one connection, and which answers it may have: all of these or, where
// the framing can be read in two ways, a refusal alone.
type wrapping struct {
	raw     string
	answers []answer
}

// wrap hides a request.
func wrap(r *rand.Rand, p harness.Person, hidden string) wrapping {
	return pick(r, inLength, inLength, inChunk, besideTwoLengths, besideTwoLengths, besideLengthAndChunks,
		besideLengthAndChunks, behindOddChunks, behindOddChunks, behindOddLines, behindOddLines)(r, p, hidden)
}

var (
	done    = answer{200, "no_cookie"}
	healthy = answer{200, "page"}
	bad     = answer{400, "bad_request"}
)

// inLength is well framed: the hidden request is the body, and the next request follows it.
func inLength(r *rand.Rand, p harness.Person, hidden string) wrapping {
	length := pick(r, "Content-Length:", "Content-Length: ", "content-length:  ", "CONTENT-LENGTH: ") + fmt.Sprint(len(hidden))
	return wrapping{call(p, "", length) + "\r\n" + hidden + health, []answer{done, healthy}}
}

// inChunk is well framed too; after a chunked request the connection is closed.
func inChunk(r *rand.Rand, p harness.Person, hidden string) wrapping {
	cut := 1 + r.IntN(len(hidden)-1)
	body := fmt.Sprintf("%x\r\n%s\r\n%X\r\n%s\r\n0\r\n\r\n", cut, hidden[:cut], len(hidden)-cut, hidden[cut:])
	return wrapping{call(p, "", pick(r, "Transfer-Encoding: chunked", "transfer-encoding:CHUNKED")) + "\r\n" + body + health, []answer{done}}
}

// besideTwoLengths says two lengths, by one of which the hidden request is a body.
func besideTwoLengths(r *rand.Rand, p harness.Person, hidden string) wrapping {
	n := len(hidden)
	other := pick(r, "0", "1", "", "+0", "-1", "0x0", "00", "0,0", fmt.Sprint(n), fmt.Sprint(n-1), "18446744073709551616", "0 0")
	lines := []string{fmt.Sprintf("Content-Length: %d", n), pick(r, "Content-Length", "content-length", "Content-Length ", "Content-Length\t", "\tContent-Length") + ": " + other}
	if r.IntN(2) == 0 {
		slices.Reverse(lines)
	}
	return wrapping{call(p, "", slices.Insert(lines, r.IntN(3), "X-A: b")...) + "\r\n" + hidden + health, []answer{bad}}
}

// besideLengthAndChunks says a length and an encoding.
func besideLengthAndChunks(r *rand.Rand, p harness.Person, hidden string) wrapping {
	encoding := pick(r, "Transfer-Encoding: ", "transfer-encoding:", "Transfer-Encoding : ", "Transfer-Encoding:\t", "X-A: b\r\n Transfer-Encoding: ", "Transfer-Encoding: \v") +
		pick(r, "chunked", "Chunked", "identity", "gzip, chunked", "chunked, identity", "xchunked", "chunked;q=1", `"chunked"`, "")
	body := pick(r, "0\r\n\r\n"+hidden, fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	lines := []string{fmt.Sprintf("Content-Length: %d", pick(r, len(body), len(body)-len(hidden), 0)), encoding}
	if r.IntN(2) == 0 {
		slices.Reverse(lines)
	}
	return wrapping{call(p, "", lines...) + "\r\n" + body, []answer{bad}}
}

// behindOddChunks ends the body, for some readers, before the hidden request. For this server nothing
// comes after a chunked request, so that it may read the chunks in either way.
func behindOddChunks(r *rand.Rand, p harness.Person, hidden string) wrapping {
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
	raw := call(p, "", "Transfer-Encoding: chunked") + "\r\n" + body
	return wrapping{raw, nil}
}

// behindOddLines has a head that some readers end early, or a version that has no such framing.
func behindOddLines(r *rand.Rand, p harness.Person, hidden string) wrapping {
	raw := call(p, "", fmt.Sprintf("Content-Length: %d", len(hidden))) + "\r\n"
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
	return wrapping{raw + hidden, []answer{bad}}
}

// unwrap sends it and holds the answers against what they may be.
func (s *siege) unwrap(w wrapping) {
	c := s.dial()
	if c == nil {
		return
	}
	defer c.close()
	_ = c.send(w.raw)
	_ = c.conn.CloseWrite()
	got, closed := c.rest()
	right := slices.Equal(got, w.answers)
	if w.answers == nil { // read in one way or the other, but once
		right = len(got) == 1 && (got[0] == done || got[0] == bad || got[0].status == 413)
	}
	if !right || !closed {
		head, _, _ := strings.Cut(w.raw, "Cookie:")
		_, rest, _ := strings.Cut(w.raw, "nl_session=")
		_, lines, _ := strings.Cut(rest, "\r\n")
		s.fault("%q … %.120q was answered %v, closed %t; want %v", head, lines, got, closed, w.answers)
	}
}
