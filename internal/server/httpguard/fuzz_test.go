package httpguard

import (
	"bufio"
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzCookies compares the cookie parser with a plain one.
func FuzzCookies(f *testing.F) {
	for _, seed := range []string{
		"ref_code=abc", `ref_code="abc"; ref_code=def`, ";;=; =x; ref_code", "REF_CODE=a; ref_code =b;ref_code= c\t",
		"ref_code=a=b", "nl_session=x\r\nCookie: ref_code=second", "ref_code=caf\xc3\xa9", "ref_code=\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		raw := "Host: x\r\nCookie: " + line + "\r\nX-A: ref_code=no\r\n\r\n"
		var want []string
		for l := range strings.SplitSeq(raw, "\n") {
			l = strings.TrimSuffix(l, "\r")
			if l == "" {
				break
			}
			name, value, found := strings.Cut(l, ":")
			if !found || !strings.EqualFold(name, "cookie") {
				continue
			}
			for pair := range strings.SplitSeq(value, ";") {
				if v, ok := strings.CutPrefix(strings.Trim(pair, " \t"), "ref_code="); ok {
					want = append(want, v)
				}
			}
		}
		if got := Headers(raw).Cookies("ref_code"); !slices.Equal(got, want) {
			t.Errorf("cookies of %q: %q, want %q", raw, got, want)
		}
	})
}

// FuzzFraming compares the check with a plain reading of the rules.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		"Host: x\r\n", "Host: x\r\nContent-Length: 2\r\n", "Host: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n",
		"Host: x\r\nTransfer-Encoding: chunked\r\n", "Host: x\r\nTransfer-Encoding: banana\r\n", "Host: x\r\nhost: y\r\n",
		"Host: x\r\nX-A: b\r\n c\r\n", "Host: x\r\nX-A: b\x00\r\n", "Host: x\rX-A: b\r\n", "Host : x\r\n", "Host: x\nX-A\n",
		"Host: \"\r\n", "Host:\r\n", "Host: [::1]:8080\r\n",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, lines string, http11 bool) {
		raw := lines + "\r\n"
		if got, want := Headers(raw).wellFramed(http11), plainlyFramed(raw, http11); got != want {
			t.Errorf("%q: %t, want %t", raw, got, want)
		}
	})
}

var hostPattern = regexp.MustCompile(`^[0-9A-Za-z!$%&'()*+,.:;=\[\]_~-]*$`)

var bareLF = regexp.MustCompile(`(^|[^\r])\n`)

func plainlyFramed(raw string, http11 bool) bool {
	count := make(map[string]int)
	for line := range strings.SplitSeq(raw, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsRune(value, '\r') {
			return false
		}
		for _, c := range []byte(name) {
			if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
				return false
			}
		}
		name = strings.ToLower(name)
		count[name]++
		if name == "host" && !hostPattern.MatchString(strings.Trim(value, " \t")) {
			return false
		}
		if name == "transfer-encoding" && (!http11 || strings.ToLower(strings.Trim(value, " \t")) != "chunked") {
			return false
		}
	}
	if strings.ContainsRune(raw, 0) || bareLF.MatchString(raw) || count["host"] > 1 || (http11 && count["host"] == 0) {
		return false
	}
	return count["content-length"]+count["transfer-encoding"] <= 1
}

// FuzzRequestHeaders reads headers through fasthttp: both must read a request alike that fasthttp and the check
// accept.
func FuzzRequestHeaders(f *testing.F) {
	for _, seed := range []string{
		"POST /v1/auth/attribute HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
		"GET / HTTP/1.0\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\nHost: x\n\n", "GET http://x?y HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c: d\r\n e\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h fasthttp.RequestHeader
		if h.Read(bufio.NewReader(bytes.NewReader(bytes.Clone(raw)))) != nil {
			return
		}
		ok := wellFramed(&h)
		disarm(&h)
		if (string(h.Protocol()) == ambiguous) == ok {
			t.Errorf("%q is well-framed: %t, its protocol became %q", raw, ok, h.Protocol())
		}
		if !ok {
			if h.ContentLength() != 0 || !h.ConnectionClose() || len(h.Peek("Expect")) > 0 || len(h.Peek("Transfer-Encoding")) > 0 {
				t.Errorf("%q can still do harm", raw)
			}
			return
		}
		path, query := splitTarget(h.RequestURI())
		if bytes.IndexByte(path, '?') >= 0 || !bytes.Contains(h.RequestURI(), query) {
			t.Errorf("%q was cut into %q and %q", h.RequestURI(), path, query)
		}
		lengths := Headers(h.RawHeaders()).Values("content-length")
		if (len(lengths) == 1) != (h.ContentLength() >= 0) {
			t.Errorf("%q: lengths %q, read as %d", raw, lengths, h.ContentLength())
		}
	})
}

// FuzzForwarded compares what is read from the headers of a proxy, the scheme and the request id, with the rules.
func FuzzForwarded(f *testing.F) {
	f.Add("https, http", "", "id-1")
	f.Add("http", "https", "a b")
	f.Add("\tHTTPS ,", "", strings.Repeat("x", 129))
	first := regexp.MustCompile(`^[ \t]*[hH][tT][tT][pP][sS][ \t]*(?:,|$)`)
	id := regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	generated := regexp.MustCompile(`^req_[0-9a-f]{16}$`)
	f.Fuzz(func(t *testing.T, proto, second, sent string) {
		if strings.ContainsAny(proto+second+sent, "\r\n") {
			return // these would be other lines
		}
		h := Headers("X-Forwarded-Proto:" + proto + "\r\nx-forwarded-proto:" + second + "\r\nX-Request-ID:" + sent + "\r\n\r\n")
		if got := (&Request{Headers: h, conn: &conn{trusted: true}}).UsedHTTPS(); got != first.MatchString(proto) {
			t.Errorf("%q and %q: https is %t", proto, second, got)
		}
		sent = strings.Trim(sent, " \t")
		if got := requestID(h, true); id.MatchString(sent) && got != sent || !id.MatchString(sent) && !generated.MatchString(got) {
			t.Errorf("the request id %q became %q", sent, got)
		}
		if got := requestID(h, false); !generated.MatchString(got) {
			t.Errorf("an untrusted client chose the request id %q", got)
		}
		twice := append(slices.Clone([]byte("X-Request-Id: first\r\n")), h...)
		if got := requestID(twice, true); !generated.MatchString(got) {
			t.Errorf("of two request ids, %q was taken", got)
		}
	})
}

// FuzzLines compares the check of lines that come in two parts with a plain reading of the rules.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\n", "\r\n\r\nGET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\nHost: x\r\n\r\n",
		"GET /\r\n\r\n", "GET HTTP/1.1\r\n\r\n", "\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\n\r\n", "GET / HTTP/1.1\r\n\n",
	} {
		for i := range len(seed) {
			f.Add([]byte(seed), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, split uint8) {
		at := min(int(split), len(raw))
		var l lines
		l.scan(raw[:at])
		l.scan(raw[at:])
		var bad, ended, begun bool
		rest := string(raw)
		for !bad && !ended {
			line, after, found := strings.Cut(rest, "\n")
			if !found {
				break
			}
			rest = after
			text, crlf := strings.CutSuffix(line, "\r")
			bad = !crlf || !begun && text != "" && strings.Count(text, " ") < 2
			ended = begun && text == ""
			begun = begun || text != ""
		}
		if l.bad != bad || l.ended != ended && !bad || ended && l.after != len(rest) {
			t.Errorf("%q, cut at %d: %+v, want bad %t, ended %t with %d bytes left", raw, at, l, bad, ended, len(rest))
		}
	})
}
