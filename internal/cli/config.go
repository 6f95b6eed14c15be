package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/viper"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

// Config is the configuration in force. The table in settings.go says what each key may hold.
type Config struct {
	Listen   string
	Database string
	Log      struct {
		Level  string
		Format string
	}
	Cookies struct {
		Domain string
		Secure auth.SecureMode
	}
	Session struct {
		TTL time.Duration
	}
	Pickup struct {
		MaxAge     time.Duration
		Touch      referral.Touch
		LandingURL string
	}
	Referral struct {
		SignupWindow time.Duration
		Deadline     time.Duration
	}
	CORS struct {
		Origins []string
	}
	Proxy struct {
		Trusted []netip.Prefix
	}
	Metrics struct {
		Listen string // empty: off
	}
	ShutdownTimeout time.Duration
}

// Server returns what the server needs of the configuration.
func (c Config) Server() server.Config {
	return server.Config{
		CookieDomain: c.Cookies.Domain, CookieSecure: c.Cookies.Secure,
		PickupMaxAge: c.Pickup.MaxAge, PickupTouch: c.Pickup.Touch, LandingURL: c.Pickup.LandingURL,
		CORSOrigins: c.CORS.Origins, TrustedProxies: c.Proxy.Trusted,
		StoreTimeout: c.Referral.Deadline,
	}
}

// Rules returns what the decision needs of the configuration.
func (c Config) Rules() referral.Rules {
	return referral.Rules{SignupWindow: c.Referral.SignupWindow}
}

// configInput is where a configuration comes from.
type configInput struct {
	flags map[string]flagValue // by key, only those that were given
	file  string               // named by --config; empty for the usual places
	env   func(string) string
}

type flagValue struct{ flag, value string }

// origin says what a key holds and where that came from.
type origin struct {
	Key    string `json:"-"`
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// loadConfig layers the sources, flag over environment over file over default, and checks every
// value. Its error names every fault there is, each with its key, and is one of usage.
func loadConfig(in configInput) (Config, []origin, error) {
	path, values, faults := loadFile(in)
	v, sources := layer(in, path, values)
	var c Config
	origins := make([]origin, len(settings))
	for i, s := range settings {
		value, err := s.set(&c, v, s.key)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w (%s)", s.key, err, sources[s.key]))
		}
		origins[i] = origin{s.key, value, sources[s.key]}
	}
	if len(faults) > 0 {
		return Config{}, nil, badValue(fmt.Errorf("the configuration cannot be used:\n%w", errors.Join(faults...)))
	}
	return c, origins, nil
}

// layer gives the sources to viper, the weakest first, and tells for each key which one won. viper
// neither reads the file nor the environment itself: it would take a key in any case and with any
// nesting, keep the last of two, and look at the process's variables only.
func layer(in configInput, path string, file map[string]any) (*viper.Viper, map[string]string) {
	v := viper.New()
	sources := make(map[string]string, len(settings))
	for _, s := range settings {
		v.SetDefault(s.key, s.def)
		sources[s.key] = "default"
		if value, ok := file[s.key]; ok {
			v.Set(s.key, value)
			sources[s.key] = "file " + path
		}
		if value := in.env(s.env()); value != "" {
			v.Set(s.key, s.fromText(value))
			sources[s.key] = "env " + s.env()
		}
		if f, ok := in.flags[s.key]; ok {
			v.Set(s.key, s.fromText(f.value))
			sources[s.key] = "flag --" + f.flag
		}
	}
	return v, sources
}

// loadFile reads the named configuration file, or else the first there is of the usual places.
func loadFile(in configInput) (path string, values map[string]any, faults []error) {
	places := []string{in.file}
	if in.file == "" {
		places = usualPlaces(in.env)
	}
	for _, path = range places {
		// A folder nobody named that may not be looked into is somebody else's: a command run there as
		// another user must not fail for that. A file that is there counts, readable or not.
		if _, err := os.Stat(path); in.file == "" && isElsewhere(err) {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return path, nil, []error{fmt.Errorf("the file cannot be read: %w", err)}
		}
		values, faults = parseFile(path, text)
		return path, values, faults
	}
	return "", nil, nil
}

// isElsewhere tells of an error of looking for a file that there is none to be found there.
func isElsewhere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR)
}

// usualPlaces are where a configuration file is looked for when none is named.
func usualPlaces(env func(string) string) []string {
	places := []string{"./" + programName + ".yaml"}
	home := env("XDG_CONFIG_HOME")
	if home == "" && env("HOME") != "" {
		home = filepath.Join(env("HOME"), ".config")
	}
	if home != "" {
		places = append(places, filepath.Join(home, programName, "config.yaml"))
	}
	return append(places, filepath.Join("/etc", programName, "config.yaml"))
}

// configuration loads the configuration for a command.
func (a *app) configuration() (Config, error) {
	c, _, err := a.configurationAndOrigins()
	return c, err
}

func (a *app) configurationAndOrigins() (Config, []origin, error) {
	in := configInput{flags: map[string]flagValue{}, env: a.Env}
	if a.config.Changed {
		if in.file = a.config.Value.String(); in.file == "" {
			return Config{}, nil, usagef("--config names no file")
		}
	}
	for key, f := range a.settings {
		if f.Changed {
			in.flags[key] = flagValue{f.Name, f.Value.String()}
		}
	}
	return loadConfig(in)
}

// envName is the variable that sets a key.
func envName(key string) string {
	return "TRIPORT_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
