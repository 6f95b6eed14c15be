package cli

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// schema1 makes a database of schema 1, as that program left it.
func schema1(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "triport.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), readTestdata(t, "schema1.sql")); err != nil {
		t.Fatal(err)
	}
	return path
}

func readTestdata(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// runOK returns what a successful command prints on stdout.
func runOK(t *testing.T, db string, args ...string) string {
	t.Helper()
	s := newTestStreams()
	if code := runIn(s, db, args...); code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, s.err.String())
	}
	return s.out.String()
}

func TestMigratedDatabaseAnswersAsBefore(t *testing.T) {
	t.Parallel()
	db := schema1(t)
	if got := runOK(t, db, "db", "migrate", "-o", "json"); got != `{"from":1,"to":2}`+"\n" {
		t.Error(got)
	}
	users := readTestdata(t, "schema1.users.jsonl")
	if diff := cmp.Diff(users, runOK(t, db, "user", "list", "-o", "json")); diff != "" {
		t.Error(diff)
	}
	for want := range strings.Lines(readTestdata(t, "schema1.inspect.jsonl")) {
		_, email, _ := strings.Cut(want, `"email":"`)
		email, _, _ = strings.Cut(email, `"`)
		if diff := cmp.Diff(want, runOK(t, db, "referral", "inspect", email, "-o", "json")); diff != "" {
			t.Error(diff)
		}
	}
	runOK(t, db, "referral", "verify")
	runOK(t, db, "db", "check")
}

func TestReplayAfterTheMigrationChangesNothing(t *testing.T) {
	t.Parallel()
	db := schema1(t)
	runOK(t, db, "db", "migrate")
	for range 2 {
		want := `{"dry_run":false,"read":7,"attributed":0,"unchanged":0,"rejected":{"invalid_code":1,"referral_cycle":1,"self_referral":1,"unknown_code":4},"malformed":0}` + "\n"
		if diff := cmp.Diff(want, runOK(t, db, "referral", "replay", "--rejected", "-o", "json")); diff != "" {
			t.Error(diff)
		}
	}
	runOK(t, db, "referral", "verify")
}

func TestMigrationBacksUpFirst(t *testing.T) {
	t.Parallel()
	db := schema1(t)
	copied := db + ".before"
	if code := runIn(newTestStreams(), db, "db", "migrate", "--backup", db+"-wal"); code != exitUsage {
		t.Errorf("a copy with a name of the database: exit %d", code)
	}
	runOK(t, db, "db", "migrate", "--backup", copied)
	old, err := sql.Open("sqlite", copied)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var version, users int
	err = old.QueryRowContext(context.Background(), `
SELECT (SELECT max(version_id) FROM goose_db_version), (SELECT count(*) FROM users WHERE length(id) = 36)`).Scan(&version, &users)
	if err != nil || version != 1 || users != 7 {
		t.Error(version, users, err)
	}
	runOK(t, db, "db", "migrate", "--backup", copied) // there is nothing to migrate
}

func TestMigrationNamesRowsThatItCannotKeep(t *testing.T) {
	t.Parallel()
	db := schema1(t)
	execute(t, db, `UPDATE users SET created_at = created_at * 1000 WHERE email = 'ann@example.com'`)
	s := newTestStreams()
	code := runIn(s, db, "db", "migrate")
	if code != exitFailed || !strings.Contains(s.err.String(), "a time is not in microseconds") {
		t.Error(code, s.err.String())
	}
	execute(t, db, `UPDATE users SET created_at = created_at / 1000 WHERE email = 'ann@example.com';
		INSERT INTO sessions VALUES (zeroblob(32), 'unknown', zeroblob(32), 0, 9223372036854775807, NULL);
		UPDATE sessions SET expires_at = 9223372036854775807`) // services could write sessions
	runOK(t, db, "db", "migrate")
	runOK(t, db, "db", "check")
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
