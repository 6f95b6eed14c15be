// Package config loads and checks the configuration.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/viper"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// Config is a checked configuration. The table of keys says what each field may hold.
type Config struct {
	Listen   string
	Database string
	Log      struct{ Level, Format string }
	Cookies  struct {
		Domain string
		Secure auth.SecureMode
	}
	Session struct{ TTL time.Duration }
	Pickup  struct {
		MaxAge     time.Duration
		Touch      referral.Touch
		LandingURL string
	}
	Referral        struct{ SignupWindow, Deadline time.Duration }
	Store           struct{ Timeout time.Duration }
	Limit           struct{ RequestsPerSecond float64 } // 0: off
	CORS            struct{ Origins []string }
	Proxy           struct{ Trusted []netip.Prefix }
	Metrics         struct{ Listen string } // empty: off
	ShutdownTimeout time.Duration
}

// Rules returns what the decision uses.
func (c Config) Rules() referral.Rules {
	return referral.Rules{SignupWindow: c.Referral.SignupWindow}
}

// Sources are the places that Load reads.
type Sources struct {
	Flags  map[string]Flag // by key; only the flags that were given
	File   string          // named by --config; empty: the first standard location that exists
	Getenv func(name string) string
}

// Flag is a command-line flag that sets a key.
type Flag struct{ Name, Value string }

// Setting is the value of a key and its source, as config show prints them.
type Setting struct {
	Key    string `json:"-"`
	Value  any    `json:"value"` // a string or a []string
	Source string `json:"source"`
}

// SourceDefault is the source of a value that is not set anywhere.
const SourceDefault = "default"

// Load merges flags, environment, file and defaults, the strongest first, and checks every value. The error
// lists all problems. The settings have the order of the documentation.
func Load(in Sources) (Config, []Setting, error) {
	file, values, problems := readFile(in)
	v, sources := merge(in, file, values)
	var c Config
	settings := make([]Setting, len(keys))
	for i, k := range keys {
		shown, err := k.set(&c, v, k)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w (%s)", k.name, err, sources[k.name]))
		}
		settings[i] = Setting{k.name, shown, sources[k.name]}
	}
	if len(problems) > 0 {
		return Config{}, nil, fmt.Errorf("the configuration is not valid:\n%w", errors.Join(problems...))
	}
	return c, settings, nil
}

// merge passes the values to viper and returns the winning source of each key. Viper itself reads neither file
// nor environment: it would accept keys in any case and keep the last of two equal keys.
func merge(in Sources, file string, values map[string]any) (*viper.Viper, map[string]string) {
	v := viper.New()
	sources := make(map[string]string, len(keys))
	for _, k := range keys {
		v.SetDefault(k.name, k.def)
		sources[k.name] = SourceDefault
		if value, ok := values[k.name]; ok {
			v.Set(k.name, value)
			sources[k.name] = "file " + file
		}
		if value := in.Getenv(k.env()); value != "" {
			v.Set(k.name, k.fromText(value))
			sources[k.name] = "env " + k.env()
		}
		if f, ok := in.Flags[k.name]; ok {
			v.Set(k.name, k.fromText(f.Value))
			sources[k.name] = "flag --" + f.Name
		}
	}
	return v, sources
}
