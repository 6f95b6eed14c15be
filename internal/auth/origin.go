package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var errOrigin = errors.New("not an exact origin")

// ParseOrigin returns an origin as it is compared: scheme://host[:port] in lower case, without the default port.
// Only exact http and https origins are valid: no `*`, `null`, wildcard, user or path, not even a single slash.
func ParseOrigin(s string) (string, error) {
	scheme, rest, found := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	port := defaultPorts[scheme]
	if !found || port == "" {
		return "", fmt.Errorf("%w: %q (expected something like https://console.example.com)", errOrigin, s)
	}
	authority, err := parseAuthority(rest, port)
	switch {
	case err == nil:
	case strings.ContainsAny(rest, "/?#"):
		return "", fmt.Errorf("%w: %q: leave out everything after the host and port", errOrigin, s)
	case strings.Contains(rest, "@"):
		return "", fmt.Errorf("%w: %q: leave out everything before the host but %s://", errOrigin, s, scheme)
	default:
		return "", fmt.Errorf("%w: %q: %w", errOrigin, s, err)
	}
	return scheme + "://" + strings.TrimSuffix(authority, ":"+port), nil
}

// defaultPorts has the schemes that an origin may have.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// parseAuthority returns host[:port] as host:port in canonical form. port is the default.
func parseAuthority(s, port string) (string, error) {
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		n, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || n == 0 {
			return "", errors.New("its port is not one of 1 to 65535")
		}
		s, port = s[:i], strconv.FormatUint(n, 10)
	}
	host, err := canonicalHost(s)
	return host + ":" + port, err
}

// canonicalHost returns a host name in lower case, or an IPv6 address in its shortest form in brackets.
func canonicalHost(host string) (string, error) {
	const hostCharacter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
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
	if strings.Trim(host, hostCharacter) != "" {
		return "", errors.New("its host is not made of a-z, 0-9, dots and hyphens " +
			"(write an international name in its xn-- form)")
	}
	return strings.ToLower(host), nil
}

// IsOwnOrigin reports whether the origin has the host and port of the Host header. A missing port is the default of
// the origin's scheme: behind a proxy, the server does not know its own.
func IsOwnOrigin(origin, host string) bool {
	scheme, rest, _ := strings.Cut(origin, "://")
	port := defaultPorts[strings.ToLower(scheme)]
	o, originErr := parseAuthority(rest, port)
	h, hostErr := parseAuthority(host, port)
	return port != "" && originErr == nil && hostErr == nil && o == h
}
