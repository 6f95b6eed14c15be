package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

// FuzzFile checks that an accepted file has the values that any YAML parser finds in it, and that they survive
// formatting and parsing again.
func FuzzFile(f *testing.F) {
	f.Add([]byte("listen: 127.0.0.1:1\nlog: {level: warn}\ncors:\n  origins: [https://a.test, 'b']\n"))
	f.Add([]byte("log: &l {level: info}\npickup: *l\n"))
	f.Add([]byte("database: |\n  a\n  b\nsession: {ttl: 1_0}\nproxy: {trusted: [~]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, problems := parseFile("config.yaml", text)
		if len(problems) > 0 {
			return
		}
		var plain map[string]any
		if err := yaml.Unmarshal(text, &plain); err != nil {
			t.Fatalf("%q was accepted as %v, but: %v", text, values, err)
		}
		leaves := make(map[string]any)
		flatten(leaves, "", plain)
		if !slices.Equal(sortedKeys(leaves), sortedKeys(values)) {
			t.Errorf("%q has %v, parsed as %v", text, leaves, values)
		}
		for key, leaf := range leaves {
			if s, ok := leaf.(string); ok && s != values[key] && utf8.ValidString(s) {
				t.Errorf("%q: %s is %q, parsed as %q", text, key, s, values[key])
			}
		}
		again, err := yaml.Marshal(nest(values))
		if err != nil {
			t.Fatal(err)
		}
		back, problems := parseFile("again.yaml", again)
		if diff := cmp.Diff(values, back, cmpopts.EquateEmpty()); len(problems) > 0 || diff != "" {
			t.Errorf("%q, formatted as %q: %v %s", text, again, problems, diff)
		}
	})
}

// flatten collects the values under a prefix by key, without keys that have no value.
func flatten(leaves map[string]any, prefix string, values map[string]any) {
	for name, value := range values {
		switch v := value.(type) {
		case nil:
		case map[string]any:
			flatten(leaves, prefix+name+".", v)
		default:
			leaves[prefix+name] = value
		}
	}
}

// nest reverses flatten.
func nest(values map[string]any) map[string]any {
	root := make(map[string]any)
	for key, value := range values {
		below := root
		names := strings.Split(key, ".")
		for _, name := range names[:len(names)-1] {
			if below[name] == nil {
				below[name] = make(map[string]any)
			}
			below = below[name].(map[string]any)
		}
		below[names[len(names)-1]] = value
	}
	return root
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// FuzzEnvironment sets one key. An accepted value is what config show prints, and that text gives the same value.
// Values for headers or for decisions about trust contain nothing dangerous.
func FuzzEnvironment(f *testing.F) {
	for i, value := range []string{
		"127.0.0.1:8080", "triport.db", "debug", "logfmt", "example.com", "always", "1h0m", "24h", "first",
		"https://example.com/a?b=c", "0s", "1500ms", "https://a.test,http://[::1]:080", "10.0.0.0/8, ::1, ::ffff:10.0.0.0/104", "5s",
	} {
		f.Add(uint8(i), value)
	}
	f.Fuzz(func(t *testing.T, index uint8, value string) {
		k := keys[int(index)%len(keys)]
		c, shown, err := loadKey(k, value)
		if err != nil {
			if !strings.Contains(err.Error(), k.name) {
				t.Errorf("%s %q: %v", k.name, value, err)
			}
			return
		}
		again, shownAgain, err := loadKey(k, shown)
		if err != nil || shownAgain != shown && shown != "" {
			t.Errorf("%s %q is shown as %q, and that as %q, %v", k.name, value, shown, shownAgain, err)
		}
		if diff := cmp.Diff(c, again, configDiff); diff != "" && shown != "" {
			t.Errorf("%s %q and %q differ: %s", k.name, value, shown, diff)
		}
		wantHarmless(t, c)
	})
}

// loadKey loads a configuration with one value in the environment. It returns the value that config show prints too,
// in the form of the environment.
func loadKey(k key, value string) (Config, string, error) {
	env := func(name string) string {
		if name == k.env() {
			return value
		}
		return ""
	}
	c, all, err := Load(Sources{File: "/dev/null", Getenv: env})
	for _, s := range all {
		if list, ok := s.Value.([]string); ok && s.Key == k.name {
			return c, strings.Join(list, ","), err
		} else if s.Key == k.name {
			return c, fmt.Sprint(s.Value), err
		}
	}
	return c, "", err
}

func wantHarmless(t *testing.T, c Config) {
	t.Helper()
	if d := c.Cookies.Domain; strings.Trim(d, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || d != "" && !strings.Contains(d, ".") {
		t.Errorf("the cookies' domain may be %q", d)
	}
	if target := c.Pickup.LandingURL; target != "" {
		u, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(u.Scheme, "http") || u.Host == "" || strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("the landing page may be %q (%v)", target, err)
		}
	}
	for _, origin := range c.CORS.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, "*, ") {
			t.Errorf("an origin may be %q (%v)", origin, err)
		}
	}
	for _, p := range c.Proxy.Trusted {
		if !p.IsValid() || p != p.Masked() || !p.Contains(p.Addr().Unmap()) {
			t.Errorf("a trusted proxy may be %v, which does not contain itself", p)
		}
	}
	for what, d := range map[string]time.Duration{"ttl": c.Session.TTL, "age": c.Pickup.MaxAge, "deadline": c.Referral.Deadline, "shutdown": c.ShutdownTimeout} {
		if d < time.Millisecond {
			t.Errorf("the %s may be %v", what, d)
		}
	}
}
