package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var errOrigin = errors.New("not an exact origin")

// ParseOrigin returns the form in which origins are compared: lower-case scheme://host[:port], with
// the scheme's own port left out. Anything but an exact http or https origin is an error: `*`,
// `null`, a path (a lone slash too), a user, a host with a wildcard or with letters beyond ASCII.
func ParseOrigin(s string) (string, error) {
	scheme, rest, found := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	port := defaultPort(scheme)
	if !found || port == 0 {
		return "", fmt.Errorf("%w: %q (expected something like https://console.example.com)", errOrigin, s)
	}
	a, err := parseAuthority(rest, port)
	switch {
	case err == nil:
	case strings.ContainsAny(rest, "/?#"):
		return "", fmt.Errorf("%w: %q: leave out everything after the host and port", errOrigin, s)
	case strings.Contains(rest, "@"):
		return "", fmt.Errorf("%w: %q: leave out everything before the host but %s://", errOrigin, s, scheme)
	default:
		return "", fmt.Errorf("%w: %q: %w", errOrigin, s, err)
	}
	if a.port == port {
		return scheme + "://" + a.host, nil
	}
	return scheme + "://" + a.host + ":" + strconv.Itoa(int(a.port)), nil
}

func defaultPort(scheme string) uint16 {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

// authority is a host, as it is written in an origin, and a port.
type authority struct {
	host string
	port uint16
}

// parseAuthority parses host[:port]; without a port, it is the default one.
func parseAuthority(s string, port uint16) (authority, error) {
	host, digits, hasPort := s, "", false
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, digits, hasPort = s[:i], s[i+1:], true
	}
	if hasPort {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 || digits[0] == '+' {
			return authority{}, errors.New("its port is not one of 1 to 65535")
		}
		port = uint16(n)
	}
	host, err := canonicalHost(host)
	return authority{host, port}, err
}

// canonicalHost returns a host name in lower case, an IPv6 address in its shortest form in brackets.
func canonicalHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", errors.New("its host is not an IPv6 address in brackets")
		}
		return "[" + addr.String() + "]", nil
	}
	if host == "" {
		return "", errors.New("it has no host")
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "", errors.New("its host is not made of a-z, 0-9, dots and hyphens (write an international name in its xn-- form)")
		}
	}
	return strings.ToLower(host), nil
}

// IsOwnOrigin reports whether the origin's host and port are those the request was sent to. A port left
// out on either side is the default of the origin's scheme: behind a proxy the server cannot know
// its own.
func IsOwnOrigin(origin, host string) bool {
	scheme, rest, _ := strings.Cut(origin, "://")
	port := defaultPort(strings.ToLower(scheme))
	if port == 0 {
		return false
	}
	o, err := parseAuthority(rest, port)
	if err != nil {
		return false
	}
	h, err := parseAuthority(host, port)
	return err == nil && o == h
}
