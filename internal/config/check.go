package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/triport/triport-console/internal/auth"
)

// optional returns a check that accepts the empty string too.
func optional(check func(string) error) func(string) error {
	return func(s string) error {
		if s == "" {
			return nil
		}
		return check(s)
	}
}

func oneOf[T ~string](words ...T) func(T) error {
	return func(s T) error {
		if slices.Contains(words, s) {
			return nil
		}
		all := strings.Trim(fmt.Sprint(words), "[]")
		return fmt.Errorf("%q is not one of %s", string(s), strings.ReplaceAll(all, " ", ", "))
	}
}

func checkListen(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not a host:port, such as 127.0.0.1:8080", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("the port of %q is not a number from 0 to 65535", s)
	}
	return nil
}

func checkDatabase(s string) error {
	if s == "" {
		return errors.New("no file is named")
	}
	return nil
}

const label = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`

var domainName = regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)

func checkDomain(s string) error {
	const expected = "expected a bare domain name, such as example.com"
	lower := strings.ToLower(s)
	_, addrErr := netip.ParseAddr(s)
	switch {
	case strings.HasPrefix(s, "."):
		return fmt.Errorf("%q begins with a dot: leave the dot out, subdomains are included without it", s)
	case len(s) > 253:
		return fmt.Errorf("longer than 253 characters: %s", expected)
	case addrErr == nil:
		return fmt.Errorf("%q is an address: leave it empty, the cookies then belong to the host itself", s)
	case !domainName.MatchString(lower):
		return fmt.Errorf("%q: %s", s, expected)
	case s != lower:
		return fmt.Errorf("%q: write it in lower case", s)
	case !strings.Contains(s, "."):
		return fmt.Errorf("%q has no dot: browsers reject cookies for it; leave it empty, the cookies then belong to the host itself", s)
	}
	return nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fmt.Errorf("%q is not the address of a page, such as https://example.com/welcome", s)
	}
	if u.User != nil {
		return errors.New("contains a user name, which every visitor would see: leave it out")
	}
	if u.String() != s || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%q must be percent-encoded for use in a header: %s", s, u)
	}
	return nil
}

func parseOrigin(s string) (string, error) {
	if s == "*" {
		return "", errors.New("* is rejected, any site could then act for a signed-in user: list the exact origins")
	}
	return auth.ParseOrigin(s)
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a CIDR, such as 10.0.0.1 or 10.0.0.0/8", s)
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 { // the server compares unmapped addresses
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q is not a network address: write %s", s, prefix.Masked())
	}
	return prefix, nil
}
