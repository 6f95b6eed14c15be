package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

const exampleFile = "../../configs/triport-console.example.yaml"

// load loads a configuration from the text of a file and from an environment.
func load(t *testing.T, yaml string, env map[string]string) (Config, []Setting, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{File: file, Getenv: func(name string) string { return env[name] }})
}

func defaults(t *testing.T) Config {
	t.Helper()
	c, _, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var configDiff = cmp.Options{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}

func TestDefaults(t *testing.T) {
	t.Parallel()
	var want Config
	want.Listen, want.Database = "127.0.0.1:8080", "triport.db"
	want.Log.Level, want.Log.Format = "info", "text"
	want.Cookies.Secure = auth.SecureAuto
	want.Session.TTL = 720 * time.Hour
	want.Pickup.MaxAge, want.Pickup.Touch = 720*time.Hour, referral.TouchLast
	want.Referral.Deadline, want.Store.Timeout = 2*time.Second, 2*time.Second
	want.ShutdownTimeout = 10 * time.Second
	if diff := cmp.Diff(want, defaults(t), configDiff); diff != "" {
		t.Error(diff)
	}
}

func TestExampleFileHasEveryKeyWithItsDefault(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	values, problems := parseFile(exampleFile, text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, k := range keys {
		if diff := cmp.Diff(k.def, values[k.name]); diff != "" {
			t.Errorf("%s: %s", k.name, diff)
		}
	}
	c, _, err := Load(Sources{File: exampleFile, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults(t), c, configDiff); diff != "" {
		t.Error(diff)
	}
}

func TestExampleFileExplainsEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		_, value, isKey := strings.Cut(strings.TrimSpace(line), ":")
		if !isKey || strings.HasPrefix(strings.TrimSpace(line), "#") || value == "" {
			continue
		}
		if !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "#") {
			t.Errorf("line %d: %s: has no comment above it", i+1, line)
		}
	}
}

func TestEnvironmentSetsEveryKey(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"TRIPORT_LISTEN": "[::1]:9", "TRIPORT_DATABASE": "x.db", "TRIPORT_LOG_LEVEL": "debug", "TRIPORT_LOG_FORMAT": "json",
		"TRIPORT_COOKIES_DOMAIN": "example.com", "TRIPORT_COOKIES_SECURE": "always", "TRIPORT_SESSION_TTL": "1h",
		"TRIPORT_PICKUP_MAX_AGE": "2h", "TRIPORT_PICKUP_TOUCH": "first", "TRIPORT_PICKUP_LANDING_URL": "https://example.com/a?b=c",
		"TRIPORT_REFERRAL_SIGNUP_WINDOW": "3h", "TRIPORT_REFERRAL_DEADLINE": "4s", "TRIPORT_STORE_TIMEOUT": "6s", "TRIPORT_LIMIT_REQUESTS_PER_SECOND": "0.5",
		"TRIPORT_CORS_ORIGINS": "https://A.example.com:443 , http://b.example.com:8080,", "TRIPORT_PROXY_TRUSTED": "10.0.0.0/8,::1",
		"TRIPORT_METRICS_LISTEN": "127.0.0.1:9", "TRIPORT_SHUTDOWN_TIMEOUT": "5s",
		"TRIPORT_NONSENSE": "x",
	}
	c, all, err := load(t, "", env)
	if err != nil {
		t.Fatal(err)
	}
	var want Config
	want.Listen, want.Database, want.Log.Level, want.Log.Format = "[::1]:9", "x.db", "debug", "json"
	want.Cookies.Domain, want.Cookies.Secure, want.Session.TTL = "example.com", auth.SecureAlways, time.Hour
	want.Pickup.MaxAge, want.Pickup.Touch, want.Pickup.LandingURL = 2*time.Hour, referral.TouchFirst, "https://example.com/a?b=c"
	want.Referral.SignupWindow, want.Referral.Deadline, want.ShutdownTimeout = 3*time.Hour, 4*time.Second, 5*time.Second
	want.Metrics.Listen, want.Store.Timeout, want.Limit.RequestsPerSecond = "127.0.0.1:9", 6*time.Second, 0.5
	want.CORS.Origins = []string{"https://a.example.com", "http://b.example.com:8080"}
	want.Proxy.Trusted = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if diff := cmp.Diff(want, c, configDiff); diff != "" {
		t.Error(diff)
	}
	for i, s := range all {
		if s.Source != "env "+keys[i].env() {
			t.Errorf("%s: from %s", s.Key, s.Source)
		}
	}
}

func TestPrecedenceIsFlagEnvironmentFileDefault(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte("database: file.db\nlisten: 127.0.0.1:1\nlog: {level: warn}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TRIPORT_DATABASE": "env.db", "TRIPORT_LISTEN": "127.0.0.1:2", "TRIPORT_LOG_FORMAT": ""}
	_, all, err := Load(Sources{
		Flags: map[string]Flag{"database": {"database", "flag.db"}}, File: file,
		Getenv: func(name string) string { return env[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range all {
		got[s.Key] = fmt.Sprint(s.Value, " ", s.Source)
	}
	for key, want := range map[string]string{
		"database": "flag.db flag --database", "listen": "127.0.0.1:2 env TRIPORT_LISTEN",
		"log.level": "warn file " + file, "log.format": "text default",
	} {
		if got[key] != want {
			t.Errorf("%s: %s, not %s", key, got[key], want)
		}
	}
}

func TestInvalidValuesAreReportedWithKeyAndReason(t *testing.T) {
	t.Parallel()
	tests := []struct{ yaml, want string }{
		{"listen: 8080", `listen: "8080" is not a host:port`},
		{"listen: localhost:http", `the port of "localhost:http" is not a number`},
		{"listen: 127.0.0.1:70000", "is not a number from 0 to 65535"},
		{"database: \"\"", "database: no file is named"},
		{"database: [a]", "database: expected a single value"},
		{"log: {level: INFO}", `log.level: "INFO" is not one of debug, info, warn, error`},
		{"log: {format: xml}", `log.format: "xml" is not one of`},
		{"log: info", "log: expected keys and values"},
		{"log:\n- level", "log: expected keys and values"},
		{"cookies: {domain: https://example.com}", `cookies.domain: "https://example.com": expected a bare domain name`},
		{"cookies: {domain: example.com:80}", "expected a bare domain name"},
		{"cookies: {domain: example.com/x}", "expected a bare domain name"},
		{"cookies: {domain: example.com; HttpOnly}", "expected a bare domain name"},
		{"cookies: {domain: Example.com}", `"Example.com": write it in lower case`},
		{"cookies: {domain: localhost}", `"localhost" has no dot: browsers reject cookies for it`},
		{"cookies: {domain: com}", `"com" has no dot`},
		{"cookies: {domain: a..b}", "expected a bare domain name"},
		{"cookies: {domain: .example.com}", "leave the dot out"},
		{"cookies: {domain: 127.0.0.1}", "is an address: leave it empty"},
		{"cookies: {secure: no}", `cookies.secure: "no" is not one of auto, always, never`},
		{"session: {ttl: 720}", `session.ttl: "720" is not a duration: write it with its unit`},
		{"session: {ttl: 0s}", "session.ttl: 0s is too short"},
		{"session: {ttl: 500ms}", "session.ttl: 500ms is too short: the minimum is 1s"},
		{"session: {ttl: -1h}", "is too short"},
		{"session: {ttl: 30d}", "is not a duration"},
		{"pickup: {max_age: 0}", "pickup.max_age: \"0\" is not a duration"},
		{"pickup: {touch: both}", "pickup.touch: \"both\" is not one of last, first"},
		{"pickup: {landing_url: /welcome}", "is not the address of a page"},
		{"pickup: {landing_url: 'javascript:alert(1)'}", "is not the address of a page"},
		{"pickup: {landing_url: 'https://'}", "is not the address of a page"},
		{"pickup: {landing_url: 'https://a:b@example.com'}", "contains a user name"},
		{"pickup: {landing_url: 'https://example.com/é'}", "percent-encoded"},
		{"referral: {signup_window: -1s}", "referral.signup_window: -1s is too short"},
		{"referral: {deadline: 0s}", "referral.deadline: 0s is too short"},
		{"limit: {requests_per_second: -1}", "limit.requests_per_second: \"-1\" is not a number"},
		{"limit: {requests_per_second: NaN}", "limit.requests_per_second: \"NaN\" is not a number"},
		{"store: {timeout: 0s}", "store.timeout: 0s is too short"},
		{"cors: {origins: '*'}", "cors.origins: expected a list"},
		{"cors: {origins: ['*']}", "cors.origins: * is rejected"},
		{"cors: {origins: ['https://example.com/path', 'null']}", "cors.origins: "},
		{"cors: {origins: ['https://example.com:443/']}", `"https://example.com:443/": leave out everything after the host and port`},
		{"cors: {origins: ['https://ann@example.com']}", `"https://ann@example.com": leave out everything before the host but https://`},
		{"cors: {origins: [[a]]}", "cors.origins: expected a list of strings"},
		{"cors: {origins: [null]}", "cors.origins: expected a list of strings"},
		{"proxy: {trusted: [example.com]}", `"example.com" is neither an address nor a CIDR`},
		{"proxy: {trusted: [10.0.0.1/8]}", "\"10.0.0.1/8\" is not a network address: write 10.0.0.0/8"},
		{"proxy: {trusted: [10.0.0.0/33]}", "is neither an address nor a CIDR"},
		{"metrics: {listen: 9091}", `metrics.listen: "9091" is not a host:port`},
		{"shutdown_timeout: 0s", "shutdown_timeout: 0s is too short"},
		{"Listen: 127.0.0.1:1", "Listen: unknown key (did you mean listen?)"},
		{"log: {lvel: info}", "log.lvel: unknown key (did you mean log.level?)"},
		{"ttl: 1h", "ttl: unknown key (did you mean session.ttl?)"},
		{"nonsense: 1", "nonsense: unknown key"},
		{"log.level: info", "log.level: write it nested: log: level"},
		{"log: {level: info, level: warn}", "log.level: appears twice"},
		{"listen: 127.0.0.1:1\nlisten: 127.0.0.1:2", "listen: appears twice"},
		{"- listen", "the file: expected keys and values"},
		{"listen: a\n---\nlisten: b", "contains more than one document"},
		{"listen: [", "config.yaml: yaml: "},
		{"\tlisten: a", "config.yaml: yaml: "},
	}
	for _, tt := range tests {
		t.Run(tt.yaml, func(t *testing.T) {
			t.Parallel()
			_, _, err := load(t, tt.yaml, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nnot %s", err, tt.want)
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := load(t, "listen: x\nnonsense: y\nlog: {level: z}\n", map[string]string{"TRIPORT_SESSION_TTL": "soon"})
	for _, key := range []string{"listen: ", "nonsense: ", "log.level: ", "session.ttl: "} {
		if !strings.Contains(fmt.Sprint(err), key) {
			t.Errorf("%s is not in: %v", key, err)
		}
	}
}

func TestKeysWithoutValueKeepTheirDefault(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{"", "# nothing", "---\n", "listen:\nlog:\n", "cors:\n  origins:\n", "log: {level: ~}", "cors: {origins: []}"} {
		c, _, err := load(t, yaml, nil)
		if err != nil {
			t.Errorf("%q: %v", yaml, err)
			continue
		}
		if diff := cmp.Diff(defaults(t), c, configDiff); diff != "" {
			t.Errorf("%q: %s", yaml, diff)
		}
	}
}

func TestUnreadableNamedFileIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, file := range []string{filepath.Join(dir, "missing.yaml"), dir} {
		_, _, err := Load(Sources{File: file, Getenv: func(string) string { return "" }})
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestDurationsArePrintedWithoutZeroUnits(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Minute: "10m", 720 * time.Hour: "720h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 500 * time.Millisecond: "500ms", 100 * time.Second: "1m40s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}
