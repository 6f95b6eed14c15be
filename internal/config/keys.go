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
	"time"

	"github.com/spf13/viper"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// key is one key of the configuration.
type key struct {
	name string
	def  any // a string or a []string
	set  setter
}

// setter checks the value of a key and stores it. It returns the value as config show prints it.
type setter func(c *Config, v *viper.Viper, k key) (shown any, err error)

var keys = []key{
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
	{"store.timeout", "2s", duration(func(c *Config) *time.Duration { return &c.Store.Timeout }, time.Millisecond)},
	{"limit.requests_per_second", "0", rate(func(c *Config) *float64 { return &c.Limit.RequestsPerSecond })},
	{"cors.origins", []string{}, list(func(c *Config) *[]string { return &c.CORS.Origins }, parseOrigin)},
	{"proxy.trusted", []string{}, list(func(c *Config) *[]netip.Prefix { return &c.Proxy.Trusted }, parsePrefix)},
	{"metrics.listen", "", text(func(c *Config) *string { return &c.Metrics.Listen }, checkListen)},
	{"shutdown_timeout", "10s", duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, time.Millisecond)},
}

// Default returns the default of a key that is not a list.
func Default(name string) string {
	return keys[slices.IndexFunc(keys, func(k key) bool { return k.name == name })].def.(string)
}

func (k key) env() string {
	return "TRIPORT_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

func (k key) isList() bool {
	_, ok := k.def.([]string)
	return ok
}

// fromText returns the value of a flag or variable; the elements of a list are separated by commas.
func (k key) fromText(value string) any {
	if !k.isList() {
		return value
	}
	elements := strings.Split(value, ",")
	for i, element := range elements {
		elements[i] = strings.TrimSpace(element)
	}
	return slices.DeleteFunc(elements, func(element string) bool { return element == "" })
}

func text[T ~string](field func(*Config) *T, check func(T) error) setter {
	return func(c *Config, v *viper.Viper, k key) (any, error) {
		value := T(v.GetString(k.name))
		*field(c) = value
		if value == "" && k.def == "" { // it is optional
			return "", nil
		}
		return string(value), check(value)
	}
}

func duration(field func(*Config) *time.Duration, least time.Duration) setter {
	return func(c *Config, v *viper.Viper, k key) (any, error) {
		d, err := ParseDuration(v.GetString(k.name))
		if err == nil && d < least {
			err = fmt.Errorf("%s is too short: the minimum is %s", FormatDuration(d), least)
		}
		*field(c) = d
		return FormatDuration(d), err
	}
}

func rate(field func(*Config) *float64) setter {
	return func(c *Config, v *viper.Viper, k key) (any, error) {
		text := v.GetString(k.name)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n != 0 && !(n >= 0.01 && n <= 1e6) {
			err = fmt.Errorf("%q is not a number from 0.01 to 1000000, or 0 for no limit", text)
		}
		*field(c) = n
		return text, err
	}
}

func list[T any](field func(*Config) *[]T, parse func(string) (T, error)) setter {
	return func(c *Config, v *viper.Viper, k key) (any, error) {
		shown := []string{}
		var problems []string
		for _, element := range v.GetStringSlice(k.name) {
			parsed, err := parse(element)
			if err != nil {
				problems = append(problems, err.Error())
			}
			*field(c) = append(*field(c), parsed)
			shown = append(shown, fmt.Sprint(parsed))
		}
		if len(problems) > 0 {
			return nil, errors.New(strings.Join(problems, "; "))
		}
		return shown, nil
	}
}

// ParseDuration parses a duration with a unit; 0 has none.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if _, nerr := strconv.ParseFloat(s, 64); err != nil || nerr == nil {
		return 0, fmt.Errorf("%q is not a duration: write it with its unit, such as 720h, 30m or 10s", s)
	}
	return d, nil
}

// FormatDuration leaves out units that are zero: 720h, not 720h0m0s.
func FormatDuration(d time.Duration) string {
	return zeroUnits.ReplaceAllString(d.String(), "$1$2")
}

var zeroUnits = regexp.MustCompile(`(h)0m0s$|(m)0s$`)

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

// domainName matches labels that each end with a dot.
var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+$`)

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
	case !domainName.MatchString(lower + "."):
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
		s = fmt.Sprintf("%s/%d", addr, addr.BitLen())
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
