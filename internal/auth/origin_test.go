package auth_test

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/auth"
)

func TestParseOrigin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://console.example.com":     "https://console.example.com",
		"HTTPS://Console.Example.COM:443": "https://console.example.com",
		"http://localhost:3000":           "http://localhost:3000",
		"http://localhost:80":             "http://localhost",
		"http://localhost:443":            "http://localhost:443",
		"http://127.0.0.1:0080":           "http://127.0.0.1",
		"http://[::1]:8080":               "http://[::1]:8080",
		"https://[2001:DB8:0:0::1]":       "https://[2001:db8::1]",
		"https://xn--caf-dma.example":     "https://xn--caf-dma.example",
	} {
		if got, err := auth.ParseOrigin(in); got != want || err != nil {
			t.Errorf("ParseOrigin(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "*", "null", "https://", "https://*", "https://*.example.com", "console.example.com", "//console.example.com",
		"https://console.example.com/", "https://console.example.com/x", "https://console.example.com?x", "https://console.example.com#x",
		"https://ann@console.example.com", "https://console.example.com:", "https://console.example.com:0", "https://console.example.com:65536",
		"https://console.example.com:+80", "https://console.example.com:x", "ftp://console.example.com", "https://café.example",
		" https://console.example.com", "https://console.example.com ", "https://a,https://b", "https://::1", "https://[::1", "https://[::1%25lo]",
		"https://[127.0.0.1]", "https://[]", "https://a\x00b", "file://", "https:/console.example.com",
	} {
		if got, err := auth.ParseOrigin(in); err == nil {
			t.Errorf("ParseOrigin(%q) = %q, want an error", in, got)
		}
	}
}

// FuzzParseOrigin checks that an accepted origin is canonical, and that the URL parser of the standard library sees the
// same host and nothing else in it.
func FuzzParseOrigin(f *testing.F) {
	for _, seed := range []string{"https://a.example", "http://A:080", "https://[::1]:443", "http://a:80@b", "https://[::ffff:1.2.3.4]", "http://a:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		canonical, err := auth.ParseOrigin(s)
		if err != nil {
			return
		}
		if again, err := auth.ParseOrigin(canonical); again != canonical || err != nil {
			t.Errorf("%q became %q and then %q, %v", s, canonical, again, err)
		}
		u, err := url.Parse(s)
		if err != nil || u.User != nil || u.Path+u.RawQuery+u.Fragment != "" {
			t.Fatalf("%q is not an exact origin: %v, %v", s, u, err)
		}
		if !auth.IsOwnOrigin(s, u.Host) {
			t.Errorf("%q is not its own host's (%q)", s, u.Host)
		}
	})
}

// FuzzOwnOrigin compares IsOwnOrigin with the URL parser of the standard library, which must find the same host and port
// in both.
func FuzzOwnOrigin(f *testing.F) {
	f.Add("https://console.test", "console.test:443")
	f.Add("HTTP://[::1]:080", "[0:0::1]")
	f.Add("http://a.test@b.test", "b.test")
	f.Fuzz(func(t *testing.T, origin, host string) {
		got := auth.IsOwnOrigin(origin, host)
		scheme, _, _ := strings.Cut(origin, "://")
		o, okO := plainAuthority(origin)
		h, okH := plainAuthority(scheme + "://" + host)
		if want := okO && okH && o == h; got != want {
			t.Errorf("the origin %q is that of the host %q: %t, want %t (%q, %q)", origin, host, got, want, o, h)
		}
	})
}

var hostForm = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::0*[1-9][0-9]{0,4})?$`)

// plainAuthority returns the host and the port of an origin, in lower case and without leading zeros.
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
