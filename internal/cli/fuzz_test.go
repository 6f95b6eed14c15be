package cli

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

// FuzzParseImportLine demands that an account that is read comes back the same from a line written
// anew, and that it holds what any JSON parser finds in the line.
func FuzzParseImportLine(f *testing.F) {
	f.Add([]byte(`{"email":"Ann@Example.com"}`))
	f.Add([]byte(`{"id":"0189C0DE-F00D-7ABC-8DEF-0123456789AB","email":"a@b.c","display_name":"\u202e\ud800","created_at":"2026-03-01T12:00:00.123456789+14:00"}`))
	f.Add([]byte(`{"email":"a@b.c","Email":"d@e.f"}`))
	f.Add([]byte("{\"email\":\"a\xffb@x.org\"}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		u, err := parseImportLine(line)
		if err != nil {
			if !u.CreatedAt.IsZero() || u.ID+u.Email+u.DisplayName != "" {
				t.Errorf("%q: %+v beside %v", line, u, err)
			}
			return
		}
		if !utf8.Valid(line) || strings.ContainsRune(u.Email, utf8.RuneError) {
			t.Errorf("%q is %+v, of which not every byte stands in the line", line, u)
		}
		var plain struct {
			ID, Email   string
			DisplayName string    `json:"display_name"`
			CreatedAt   time.Time `json:"created_at"`
		}
		fields := map[string]any{"id": u.ID, "email": u.Email, "display_name": u.DisplayName, "created_at": ""}
		if !u.CreatedAt.IsZero() {
			fields["created_at"] = u.CreatedAt.Format(time.RFC3339Nano)
		}
		again, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseImportLine(again); err != nil || back != u {
			t.Errorf("%q is %+v, and written anew %+v, %v", line, u, back, err)
		}
		if u.CreatedAt.IsZero() { // an empty time is none for the JSON parser
			return
		}
		if err := json.Unmarshal(line, &plain); err != nil {
			t.Fatal(err)
		}
		if !strings.EqualFold(strings.TrimSpace(plain.Email), u.Email) || !strings.EqualFold(plain.ID, u.ID) ||
			plain.DisplayName != u.DisplayName || !plain.CreatedAt.Truncate(time.Microsecond).Equal(u.CreatedAt) {
			t.Errorf("%q is %+v, and was read as %+v", line, plain, u)
		}
	})
}

// FuzzConfigFile demands that a file that is accepted holds what any YAML parser finds in it, and that
// its values come back the same from a file written anew.
func FuzzConfigFile(f *testing.F) {
	f.Add([]byte("listen: 127.0.0.1:1\nlog: {level: warn}\ncors:\n  origins: [https://a.test, 'b']\n"))
	f.Add([]byte("log: &l {level: info}\npickup: *l\n"))
	f.Add([]byte("database: |\n  a\n  b\nsession: {ttl: 1_0}\nproxy: {trusted: [~]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, faults := parseFile("config.yaml", text)
		if len(faults) > 0 {
			return
		}
		var plain map[string]any
		if err := yaml.Unmarshal(text, &plain); err != nil {
			t.Fatalf("%q was accepted as %v, but: %v", text, values, err)
		}
		leaves := make(map[string]any)
		flatten(leaves, "", plain)
		if !slices.Equal(sortedKeys(leaves), sortedKeys(values)) {
			t.Errorf("%q holds %v, and was read as %v", text, leaves, values)
		}
		for key, leaf := range leaves {
			if s, ok := leaf.(string); ok && s != values[key] && utf8.ValidString(s) {
				t.Errorf("%q: %s is %q, and was read as %q", text, key, s, values[key])
			}
		}
		again, err := yaml.Marshal(nest(values))
		if err != nil {
			t.Fatal(err)
		}
		back, faults := parseFile("again.yaml", again)
		if diff := cmp.Diff(values, back, cmpopts.EquateEmpty()); len(faults) > 0 || diff != "" {
			t.Errorf("%q, written anew as %q: %v %s", text, again, faults, diff)
		}
	})
}

// flatten gathers the values below a prefix by their keys. A key without a value is left out.
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

// nest undoes flatten.
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

// FuzzConfigEnvironment gives one key a value from outside. A value that is accepted is what config
// show prints, and that text stands for the same value: where it leads to a header or to a decision
// about trust, it holds nothing that could become something else there.
func FuzzConfigEnvironment(f *testing.F) {
	for i, value := range []string{
		"127.0.0.1:8080", "triport.db", "debug", "logfmt", "example.com", "always", "1h0m", "24h", "first",
		"https://example.com/a?b=c", "0s", "1500ms", "https://a.test,http://[::1]:080", "10.0.0.0/8, ::1, ::ffff:10.0.0.0/104", "5s",
	} {
		f.Add(uint8(i), value)
	}
	f.Fuzz(func(t *testing.T, index uint8, value string) {
		s := settings[int(index)%len(settings)]
		c, shown, err := loadFrom(s, value)
		if err != nil {
			if exitCode(err) != exitUsage || !strings.Contains(err.Error(), s.key) {
				t.Errorf("%s %q: %v", s.key, value, err)
			}
			return
		}
		again, shownAgain, err := loadFrom(s, shown)
		if err != nil || shownAgain != shown && shown != "" {
			t.Errorf("%s %q is shown as %q, and that as %q, %v", s.key, value, shown, shownAgain, err)
		}
		if diff := cmp.Diff(c, again, configDiff); diff != "" && shown != "" {
			t.Errorf("%s %q and %q differ: %s", s.key, value, shown, diff)
		}
		wantHarmless(t, c)
	})
}

// loadFrom reads the configuration with one value from the environment, and what config show prints of
// it, in the form the environment has.
func loadFrom(s setting, value string) (Config, string, error) {
	env := func(name string) string {
		if name == s.env() {
			return value
		}
		return ""
	}
	c, origins, err := loadConfig(configInput{file: "/dev/null", env: env})
	for _, o := range origins {
		if list, ok := o.Value.([]string); ok && o.Key == s.key {
			return c, strings.Join(list, ","), err
		} else if o.Key == s.key {
			return c, fmt.Sprint(o.Value), err
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
			t.Errorf("a trusted proxy may be %v, which trusts not even itself", p)
		}
	}
	for what, d := range map[string]time.Duration{"ttl": c.Session.TTL, "age": c.Pickup.MaxAge, "deadline": c.Referral.Deadline, "shutdown": c.ShutdownTimeout} {
		if d < time.Millisecond {
			t.Errorf("the %s may be %v", what, d)
		}
	}
}

// FuzzTimeFlag holds --since and --until against plain arithmetic that cannot overflow.
func FuzzTimeFlag(f *testing.F) {
	for _, seed := range []string{"2026-01-31T12:00:00.123456789+14:00", "24h", "7d", "1h30m", "0s", "-1h", "-200000d", "106751d", "106752d", "7", "0000-01-01T00:00:00+23:59"} {
		f.Add(seed)
	}
	days := regexp.MustCompile(`^([+-]?[0-9]+)d$`)
	now := testNow.Truncate(time.Microsecond)
	f.Fuzz(func(t *testing.T, value string) {
		got, err := parseTimeFlag("since", value, now)
		if value == "" {
			if err != nil || !got.IsZero() {
				t.Errorf("no value: %v, %v", got, err)
			}
			return
		}
		if at, rfcErr := time.Parse(time.RFC3339Nano, value); rfcErr == nil {
			if err != nil || !got.Equal(at.Truncate(time.Microsecond)) || got.Location() != time.UTC {
				t.Errorf("%q: %v, %v", value, got, err)
			}
			return
		}
		if m := days.FindStringSubmatch(value); m != nil {
			n, _ := new(big.Int).SetString(m[1], 10)
			fits := n.Sign() >= 0 && n.Cmp(big.NewInt(maxDays)) <= 0
			if fits != (err == nil) || fits && !got.Equal(now.AddDate(0, 0, -int(n.Int64()))) {
				t.Errorf("%q: %v, %v", value, got, err)
			}
			return
		}
		ago, agoErr := time.ParseDuration(value)
		bare := strings.Trim(value, "+-0123456789.") == ""
		if ok := agoErr == nil && ago >= 0 && !bare; ok != (err == nil) || ok && now.Sub(got) != ago {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	})
}

// FuzzEscapedJSON demands that what reaches a terminal as JSON is printable and still says the same.
func FuzzEscapedJSON(f *testing.F) {
	f.Add("Ann\x1b[2J\u202e\xff\U000e0001\\u0000")
	f.Fuzz(func(t *testing.T, s string) {
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(line)
		var before, after string
		if err := json.Unmarshal(line, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(escaped, &after); err != nil || after != before {
			t.Errorf("%q became %s, which is %q, %v", s, escaped, after, err)
		}
		if shown := escapeText(string(escaped)); shown != string(escaped) {
			t.Errorf("%q is printed as %s, with something unprintable in it", s, escaped)
		}
	})
}
