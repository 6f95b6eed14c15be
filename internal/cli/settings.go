package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/viper"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// setting is one key of the configuration.
type setting struct {
	key string
	def any // the default: a string or, for a list, a []string
	// set reads the key's value, checks it and keeps it in the configuration. It returns what the key
	// holds, as config show prints it.
	set func(c *Config, v *viper.Viper, key string) (any, error)
}

// settings are all there are.
var settings = []setting{
	{"listen", "127.0.0.1:8080", text(func(c *Config) *string { return &c.Listen }, checkListen)},
	{"database", "triport.db", text(func(c *Config) *string { return &c.Database }, checkDatabase)},
	{"log.level", "info", text(func(c *Config) *string { return &c.Log.Level }, oneOf("debug", "info", "warn", "error"))},
	{"log.format", "text", text(func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json", "logfmt"))},
	{"cookies.domain", "", text(func(c *Config) *string { return &c.Cookies.Domain }, checkDomain)},
	{"cookies.secure", "auto", text(func(c *Config) *auth.SecureMode { return &c.Cookies.Secure },
		oneOf(auth.SecureAuto, auth.SecureAlways, auth.SecureNever))},
	{"session.ttl", "720h", duration(func(c *Config) *time.Duration { return &c.Session.TTL }, time.Second)},
	{"pickup.max_age", "720h", duration(func(c *Config) *time.Duration { return &c.Pickup.MaxAge }, time.Second)},
	{"pickup.touch", "last", text(func(c *Config) *referral.Touch { return &c.Pickup.Touch },
		oneOf(referral.TouchLast, referral.TouchFirst))},
	{"pickup.landing_url", "", text(func(c *Config) *string { return &c.Pickup.LandingURL }, checkURL)},
	{"referral.signup_window", "0s", duration(func(c *Config) *time.Duration { return &c.Referral.SignupWindow }, 0)},
	{"referral.deadline", "2s", duration(func(c *Config) *time.Duration { return &c.Referral.Deadline }, time.Millisecond)},
	{"cors.origins", []string{}, list(func(c *Config) *[]string { return &c.CORS.Origins }, parseOrigin)},
	{"proxy.trusted", []string{}, list(func(c *Config) *[]netip.Prefix { return &c.Proxy.Trusted }, parsePrefix)},
	{"metrics.listen", "", text(func(c *Config) *string { return &c.Metrics.Listen }, checkMetricsListen)},
	{"shutdown_timeout", "10s", duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, time.Millisecond)},
}

// findSetting returns the setting of a key, or nil.
func findSetting(key string) *setting {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return &settings[i]
}

func (s setting) env() string { return envName(s.key) }

func (s setting) isList() bool {
	_, ok := s.def.([]string)
	return ok
}

// fromText is the value that one text stands for: of a list, its elements between commas.
func (s setting) fromText(value string) any {
	if !s.isList() {
		return value
	}
	list := []string{}
	for _, element := range strings.Split(value, ",") {
		if element = strings.TrimSpace(element); element != "" {
			list = append(list, element)
		}
	}
	return list
}

func text[T ~string](field func(*Config) *T, check func(T) error) func(*Config, *viper.Viper, string) (any, error) {
	return func(c *Config, v *viper.Viper, key string) (any, error) {
		value := T(v.GetString(key))
		*field(c) = value
		return string(value), check(value)
	}
}

func duration(field func(*Config) *time.Duration, least time.Duration) func(*Config, *viper.Viper, string) (any, error) {
	return func(c *Config, v *viper.Viper, key string) (any, error) {
		d, err := parseDuration(v.GetString(key))
		if err != nil {
			return nil, err
		}
		if d < least {
			return nil, fmt.Errorf("%s is too short: the least is %s", shortDuration(d), least)
		}
		*field(c) = d
		return shortDuration(d), nil
	}
}

func list[T any](field func(*Config) *[]T, parse func(string) (T, error)) func(*Config, *viper.Viper, string) (any, error) {
	return func(c *Config, v *viper.Viper, key string) (any, error) {
		shown := []string{}
		var faults []string
		for _, element := range v.GetStringSlice(key) {
			parsed, err := parse(element)
			if err != nil {
				faults = append(faults, err.Error())
				continue
			}
			*field(c) = append(*field(c), parsed)
			shown = append(shown, fmt.Sprint(parsed))
		}
		if len(faults) > 0 {
			return nil, errors.New(strings.Join(faults, "; "))
		}
		return shown, nil
	}
}

func oneOf[T ~string](words ...T) func(T) error {
	return func(s T) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("%q is not one of %s", string(s), strings.Join(names(words), ", "))
	}
}

func names[T ~string](words []T) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return all
}

// parseDuration takes a duration with its unit. A bare number, also 0, leaves it open.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if _, nerr := strconv.ParseFloat(s, 64); err != nil || nerr == nil {
		return 0, fmt.Errorf("%q is not a duration: write it with its unit, such as 720h, 30m or 10s", s)
	}
	return d, nil
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

func checkMetricsListen(s string) error {
	if s == "" {
		return nil
	}
	return checkListen(s)
}

func checkDatabase(s string) error {
	if s == "" {
		return errors.New("names no file")
	}
	return nil
}

func checkDomain(s string) error {
	const expected = "expected a bare domain name, such as example.com"
	switch {
	case s == "":
		return nil
	case strings.HasPrefix(s, "."):
		return fmt.Errorf("%q begins with a dot: leave the dot out, subdomains are meant anyway", s)
	case len(s) > 253:
		return fmt.Errorf("longer than 253 characters: %s", expected)
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return fmt.Errorf("%q is an address: leave it empty, the cookies are then the host's own", s)
	}
	for label := range strings.SplitSeq(s, ".") {
		switch {
		case isLabel(label):
		case isLabel(strings.ToLower(label)):
			return fmt.Errorf("%q: write it in lower case", s)
		default:
			return fmt.Errorf("%q: %s", s, expected)
		}
	}
	if !strings.Contains(s, ".") {
		return fmt.Errorf("%q has no dot: browsers take no cookies for it; leave it empty, the cookies are then the host's own", s)
	}
	return nil
}

// isLabel tells whether s can stand between the dots of a domain name, in lower case.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func checkURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return fmt.Errorf("%q is not the address of a page, such as https://example.com/welcome", s)
	}
	if u.User != nil {
		return errors.New("holds a user name: every visitor would see it")
	}
	if u.String() != s || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%q must be percent-encoded to travel in a header: %s", s, u)
	}
	return nil
}

func parseOrigin(s string) (string, error) {
	if s == "*" {
		return "", errors.New("* is refused: any site could then act for a signed-in user; list the exact origins")
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
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 { // peers are compared unmapped
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q is not a network address: write %s", s, prefix.Masked())
	}
	return prefix, nil
}
