package cli

import (
	"bufio"
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
)

// testNow is the time in all tests.
var testNow = time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC)

// testStreams record the output. They are no terminal. The configuration file of their environment is empty, so
// the tests read none of the host.
type testStreams struct {
	Streams
	out, err bytes.Buffer
	env      map[string]string
}

func newTestStreams() *testStreams {
	s := &testStreams{env: map[string]string{"XDG_CONFIG_HOME": "testdata/xdg"}}
	s.Streams = Streams{
		In: strings.NewReader(""), Out: &s.out, Err: &s.err,
		Getenv: func(name string) string { return s.env[name] },
		Now:    func() time.Time { return testNow },
		Random: rand.NewChaCha8([32]byte{}), // the same in every run
	}
	return s
}

// parse parses a command line and returns the command, which it does not run.
func parse(t *testing.T, args ...string) (command, error) {
	t.Helper()
	e := newEnv(newTestStreams().Streams, bufio.NewWriter(&bytes.Buffer{}))
	var got command
	e.do = func(_ context.Context, c command) error {
		got = c
		return nil
	}
	root := newRoot(e)
	root.SetArgs(args)
	err := root.Execute()
	return got, err
}

func TestCommandLinesAreParsedIntoOptions(t *testing.T) {
	t.Parallel()
	now, annsEmail := testNow.Truncate(time.Microsecond), "ann@example.com"
	tests := []struct {
		line string
		want command
	}{
		{"serve --listen 127.0.0.1:0", serveOptions{}},
		{"referral inspect ann", referralInspectOptions{user: "ann", limit: 50}},
		{"referral inspect --limit 500 ann", referralInspectOptions{user: "ann", limit: 500}},
		{"referral replay", referralReplayOptions{}},
		{"referral replay --dry-run", referralReplayOptions{dryRun: true}},
		{"referral replay --from - --dry-run", referralReplayOptions{from: "-", dryRun: true}},
		{"referral replay --rejected --reason unknown_code --user ann",
			referralReplayOptions{rejected: true, reason: "unknown_code", user: "ann"}},
		{"referral replay --rejected --since 24h --until 90m",
			referralReplayOptions{rejected: true, since: now.Add(-24 * time.Hour), until: now.Add(-90 * time.Minute)}},
		{"referral replay --rejected --since 7d", referralReplayOptions{rejected: true, since: now.Add(-7 * 24 * time.Hour)}},
		{"referral replay --rejected --since 2026-01-01T01:00:00.123456789+01:00",
			referralReplayOptions{rejected: true, since: time.Date(2026, 1, 1, 0, 0, 0, 123456000, time.UTC)}},
		{"referral verify", referralVerifyOptions{}},
		{"user create", userCreateOptions{}},
		{"user create --email Ann@Example.com --name Ann", userCreateOptions{email: "ann@example.com", name: "Ann"}},
		{"user create --id auth0|123", userCreateOptions{id: "auth0|123"}},
		{"user create --id 0189C0DE-F00D-7ABC-8DEF-0123456789AB", userCreateOptions{id: "0189c0de-f00d-7abc-8def-0123456789ab"}},
		{"user update ann --email Ann@Example.com", userUpdateOptions{"ann", auth.UserChange{Email: &annsEmail}}},
		{"user update ann --email= --name=", userUpdateOptions{"ann", auth.UserChange{Email: new(string), DisplayName: new(string)}}},
		{"user enable id:ann", userEnableOptions{"id:ann"}},
		{"user list -o json", userListOptions{}},
		{"user disable ann", userDisableOptions{"ann"}},
		{"user import -", userImportOptions{"-"}},
		{"session create ann", sessionCreateOptions{users: []string{"ann"}}},
		{"session create ann --ttl 1h", sessionCreateOptions{users: []string{"ann"}, ttl: time.Hour}},
		{"session create ann bob", sessionCreateOptions{users: []string{"ann", "bob"}, lines: true}},
		{"session create ann bob -o text", sessionCreateOptions{users: []string{"ann", "bob"}}},
		{"session create -", sessionCreateOptions{lines: true}},
		{"session revoke ann", sessionRevokeOptions{"ann"}},
		{"code set ann Ann-Example", codeSetOptions{"ann", "ann-example"}},
		{"code disable ann", codeDisableOptions{"ann"}},
		{"code list ann", codeListOptions{"ann"}},
		{"db migrate --backup old.db", dbMigrateOptions{"old.db"}},
		{"db check", dbCheckOptions{}},
		{"db backup copy.db", dbBackupOptions{"copy.db"}},
		{"config show", configShowOptions{}},
		{"version", versionOptions{}},
		{"--database x version --config y -o json", versionOptions{}},
		{"user --database x list", userListOptions{}},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, strings.Fields(tt.line)...)
			if err != nil {
				t.Fatal(err)
			}
			all := cmp.AllowUnexported(referralInspectOptions{}, referralReplayOptions{}, userCreateOptions{}, userUpdateOptions{}, userDisableOptions{}, userEnableOptions{},
				userImportOptions{}, sessionCreateOptions{}, sessionRevokeOptions{}, codeSetOptions{},
				codeDisableOptions{}, codeListOptions{}, dbBackupOptions{}, dbMigrateOptions{})
			if diff := cmp.Diff(tt.want, got, all); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInvalidCommandLinesExit2(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"nonsense", "referral nonsense", "help nonsense", "--nonsense", "version --nonsense", "version -o xml",
		"referral inspect", "referral inspect a b", "referral inspect a --limit 0", "referral inspect a --limit x",
		"referral replay x", "referral replay --reason unknown_code", "referral replay --since 24h",
		"referral replay --from x --rejected", "referral replay --rejected --reason nonsense",
		"referral replay --rejected --reason internal_error", "referral replay --rejected --since nonsense",
		"referral replay --rejected --since -1h", "referral replay --rejected --since 5", "referral replay --rejected --since xd",
		"referral replay --rejected --since 999999999d", "referral replay --rejected --since 1h --until 1h",
		"user create --email x", "user create --email=", "user create --id=", "user create --id a/b", "user create --id \u212a",
		"user create --id " + strings.Repeat("x", 129), "user create --name a\x00b", "user update", "user update ann", "user update ann --email x",
		"user update ann --name \xff", "user update ann --name a\x00b", "user enable", "user create --email a@example.com extra", "user import", "user disable",
		"user create --email a@example.com --name \xff",
		"session create", "session create a -", "session create a --ttl 5", "session create a --ttl 0s", "session create a --ttl 500ms",
		"code set a", "code set a -x-", "code set a b!", "db backup", "db check x", "completion", "completion x", "serve x",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			cmd, err := parse(t, strings.Fields(line)...)
			if code := exitCode(err); code != exitUsage || cmd != nil {
				t.Errorf("exit code %d, command %v, error %v", code, cmd, err)
			}
		})
	}
}

func TestEveryCommandHasCompleteHelp(t *testing.T) {
	t.Parallel()
	root := newRoot(newEnv(newTestStreams().Streams, bufio.NewWriter(&bytes.Buffer{})))
	completion, _, _ := root.Find([]string{"completion"})
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s: short %q, long %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Long, cmd.Example)
		}
		for line := range strings.SplitSeq(cmd.Long, "\n") {
			if len([]rune(line)) > 82 && cmd.Parent() != completion { // whose help is Cobra's
				t.Errorf("%s: a line of the help is too long for a terminal: %s", cmd.CommandPath(), line)
			}
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(root)
}

func TestHelpExamplesAreValidCommandLines(t *testing.T) {
	t.Parallel()
	root := newRoot(newEnv(newTestStreams().Streams, bufio.NewWriter(&bytes.Buffer{})))
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimPrefix(strings.TrimSpace(line), "TRIPORT_LOG_LEVEL=debug ")
			if !strings.HasPrefix(line, programName+" ") || strings.ContainsAny(line, "|\"") {
				continue
			}
			if _, err := parse(t, strings.Fields(line)[1:]...); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look(root)
}
