package config

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
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
type setter func(c *Config, v *viper.Viper, name string) (shown any, err error)

var keys = []key{
	{"listen", "127.0.0.1:8080", text(func(c *Config) *string { return &c.Listen }, checkListen)},
	{"database", "triport.db", text(func(c *Config) *string { return &c.Database }, checkDatabase)},
	{"log.level", "info", text(func(c *Config) *string { return &c.Log.Level }, oneOf("debug", "info", "warn", "error"))},
	{"log.format", "text", text(func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json", "logfmt"))},
	{"cookies.domain", "", text(func(c *Config) *string { return &c.Cookies.Domain }, optional(checkDomain))},
	{"cookies.secure", "auto", text(func(c *Config) *auth.SecureMode { return &c.Cookies.Secure },
		oneOf(auth.SecureAuto, auth.SecureAlways, auth.SecureNever))},
	{"session.ttl", "720h", duration(func(c *Config) *time.Duration { return &c.Session.TTL }, time.Second)},
	{"pickup.max_age", "720h", duration(func(c *Config) *time.Duration { return &c.Pickup.MaxAge }, time.Second)},
	{"pickup.touch", "last", text(func(c *Config) *referral.Touch { return &c.Pickup.Touch },
		oneOf(referral.TouchLast, referral.TouchFirst))},
	{"pickup.landing_url", "", text(func(c *Config) *string { return &c.Pickup.LandingURL }, optional(checkURL))},
	{"referral.signup_window", "0s", duration(func(c *Config) *time.Duration { return &c.Referral.SignupWindow }, 0)},
	{"referral.deadline", "2s", duration(func(c *Config) *time.Duration { return &c.Referral.Deadline }, time.Millisecond)},
	{"cors.origins", []string{}, list(func(c *Config) *[]string { return &c.CORS.Origins }, parseOrigin)},
	{"proxy.trusted", []string{}, list(func(c *Config) *[]netip.Prefix { return &c.Proxy.Trusted }, parsePrefix)},
	{"metrics.listen", "", text(func(c *Config) *string { return &c.Metrics.Listen }, optional(checkListen))},
	{"shutdown_timeout", "10s", duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }, time.Millisecond)},
}

func findKey(name string) *key {
	for i := range keys {
		if keys[i].name == name {
			return &keys[i]
		}
	}
	return nil
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
	elements := []string{}
	for element := range strings.SplitSeq(value, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}

func text[T ~string](field func(*Config) *T, check func(T) error) setter {
	return func(c *Config, v *viper.Viper, name string) (any, error) {
		value := T(v.GetString(name))
		*field(c) = value
		return string(value), check(value)
	}
}

func duration(field func(*Config) *time.Duration, least time.Duration) setter {
	return func(c *Config, v *viper.Viper, name string) (any, error) {
		d, err := ParseDuration(v.GetString(name))
		if err == nil && d < least {
			err = fmt.Errorf("%s is too short: the minimum is %s", shortDuration(d), least)
		}
		*field(c) = d
		return shortDuration(d), err
	}
}

func list[T any](field func(*Config) *[]T, parse func(string) (T, error)) setter {
	return func(c *Config, v *viper.Viper, name string) (any, error) {
		shown := []string{}
		var problems []string
		for _, element := range v.GetStringSlice(name) {
			parsed, err := parse(element)
			if err != nil {
				problems = append(problems, err.Error())
				continue
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

// ParseDuration parses a duration. A number without a unit, 0 included, is an error.
func ParseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if _, nerr := strconv.ParseFloat(s, 64); err != nil || nerr == nil {
		return 0, fmt.Errorf("%q is not a duration: write it with its unit, such as 720h, 30m or 10s", s)
	}
	return d, nil
}

// shortDuration formats a duration without the units that are zero: 720h, not 720h0m0s.
func shortDuration(d time.Duration) string {
	return zeroUnits.ReplaceAllString(d.String(), "$1$2")
}

var zeroUnits = regexp.MustCompile(`(h)0m0s$|(m)0s$`)
