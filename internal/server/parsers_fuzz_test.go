package server

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/referral"
)

// FuzzOwnOrigin demands that an origin is the server's own exactly when the URL parser of the standard
// library finds the same host and port on both sides.
func FuzzOwnOrigin(f *testing.F) {
	f.Add("https://console.test", "console.test:443")
	f.Add("HTTP://[::1]:080", "[0:0::1]")
	f.Add("http://a.test@b.test", "b.test")
	f.Fuzz(func(t *testing.T, origin, host string) {
		got := ownOrigin(origin, host)
		scheme, _, _ := strings.Cut(origin, "://")
		o, okO := plainAuthority(origin)
		h, okH := plainAuthority(scheme + "://" + host)
		if want := okO && okH && o == h; got != want {
			t.Errorf("the origin %q is that of the host %q: %t, want %t (%q, %q)", origin, host, got, want, o, h)
		}
	})
}

var hostForm = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::0*[1-9][0-9]{0,4})?$`)

// plainAuthority is the host and the port of an origin, without zeros in front and in lower case.
func plainAuthority(origin string) (authority string, ok bool) {
	_, rest, ok := strings.Cut(origin, "://")
	u, err := url.Parse(origin)
	if !ok || err != nil || u.Host != rest || !hostForm.MatchString(rest) {
		return "", false
	}
	standard, ok := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	port := strings.TrimLeft(u.Port(), "0")
	if port == "" {
		port = standard
	}
	if len(port) == 5 && port > "65535" {
		return "", false
	}
	name := strings.ToLower(u.Hostname())
	if strings.HasPrefix(rest, "[") {
		addr, err := netip.ParseAddr(name)
		if err != nil || !addr.Is6() {
			return "", false
		}
		name = addr.String()
	}
	return name + " " + port, ok
}

// FuzzForwarded holds what a proxy says of the scheme and of the request id against the rules.
func FuzzForwarded(f *testing.F) {
	f.Add("https, http", "", "id-1")
	f.Add("http", "https", "a b")
	f.Add("\tHTTPS ,", "", strings.Repeat("x", 129))
	first := regexp.MustCompile(`^[ \t]*[hH][tT][tT][pP][sS][ \t]*(?:,|$)`)
	id := regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	minted := regexp.MustCompile(`^req_[0-9a-f]{16}$`)
	f.Fuzz(func(t *testing.T, proto, second, sent string) {
		if strings.ContainsAny(proto+second+sent, "\r\n") {
			return // would be other lines
		}
		h := head("X-Forwarded-Proto:" + proto + "\r\nx-forwarded-proto:" + second + "\r\nX-Request-ID:" + sent + "\r\n\r\n")
		if got := forwardedHTTPS(h); got != first.MatchString(proto) {
			t.Errorf("%q and %q: https is %t", proto, second, got)
		}
		sent = strings.Trim(sent, " \t")
		if got := requestID(h, true); id.MatchString(sent) && got != sent || !id.MatchString(sent) && !minted.MatchString(got) {
			t.Errorf("the request id %q became %q", sent, got)
		}
		if got := requestID(h, false); !minted.MatchString(got) {
			t.Errorf("anybody may choose the request id %q", got)
		}
		twice := append(slices.Clone([]byte("X-Request-Id: first\r\n")), h...)
		if got := requestID(twice, true); !minted.MatchString(got) {
			t.Errorf("of two request ids, %q was taken", got)
		}
	})
}

// FuzzPickupValue holds the value that a page's query or path presents, and what is planted of it,
// against the query parser of the standard library: whatever that one decodes is no code here.
func FuzzPickupValue(f *testing.F) {
	f.Add("ref=summer-26")
	f.Add("a=b&ref=first&ref=second")
	f.Add("ref=caf%C3%A9&REF=abc")
	f.Add("ref=a+b;ref=abc")
	f.Fuzz(func(t *testing.T, query string) {
		value := queryRef([]byte(query))
		i := slices.IndexFunc(strings.Split(query, "&"), func(pair string) bool {
			return pair == "ref" || strings.HasPrefix(pair, "ref=")
		})
		if i < 0 {
			if value != "" {
				t.Errorf("%q has no ref, but %q was found", query, value)
			}
			return
		}
		pair := strings.Split(query, "&")[i]
		if want := strings.TrimPrefix(strings.TrimPrefix(pair, "ref"), "="); value != want {
			t.Errorf("the ref of %q is %q, want %q", query, value, want)
		}
		if !wellFormed(value) {
			return
		}
		if decoded, err := url.QueryUnescape(value); err != nil || decoded != value {
			t.Errorf("%q is planted, but means %q", value, decoded)
		}
		cookie := Cookie{Name: RefCookie, Value: referral.Canonical(value)}.String()
		if !plantedForm.MatchString(cookie) {
			t.Errorf("%q is planted as %q", value, cookie)
		}
	})
}

var plantedForm = regexp.MustCompile(`^ref_code=[a-z0-9-]{3,32}; Path=/; `)

// FuzzPresentedCode demands of several cookies that the first well-formed one counts, and that without
// one the first is kept, malformed as it was.
func FuzzPresentedCode(f *testing.F) {
	f.Add("café;  ABC ;def")
	f.Add(`"abc";`)
	f.Add(";abc")
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]$`)
	f.Fuzz(func(t *testing.T, values string) {
		cookies := strings.Split(values, ";")
		got := presentedCode(cookies)
		for _, c := range cookies {
			if plain := strings.Trim(c, " \t\n\v\f\r"); form.MatchString(plain) {
				if got != strings.ToLower(plain) {
					t.Errorf("of %q, %q was chosen", cookies, got)
				}
				return
			}
		}
		if wellFormed(got) {
			t.Errorf("%q became %q, which is somebody's", cookies, got)
		}
		if empty := strings.Trim(cookies[0], " \t\n\v\f\r") == ""; (got == "") != empty {
			t.Errorf("%q became %q", cookies, got)
		}
	})
}
