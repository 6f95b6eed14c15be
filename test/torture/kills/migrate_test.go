package kills

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/test/torture/harness"
)

// TestKillDuringMigration kills the processes that migrate a database with rows of schema 1, three times
// in a row on the same file. After each kill all of it is schema 1, or all of it is schema 2.
func TestKillDuringMigration(t *testing.T) {
	rounds, users := harness.Scale(10, 60), harness.Scale(10_000, 50_000)
	f := newFixture(t, 0)
	ids := f.createSchema1(users)
	old, before := f.readDatabase(), f.contents()
	want := f.inspections(ids)
	duration := f.timeMigration()
	after := f.contents()
	for f.nextRound(rounds, "half_migrated") {
		f.removeDatabase()
		if err := os.WriteFile(f.Database, old, 0o600); err != nil {
			t.Fatal(err)
		}
		f.killCommand(f.whileWALGrows, "db", "migrate")
		f.wantEitherSchema(before, after)
		f.killCommand(f.within(duration), "serve")
		f.wantEitherSchema(before, after)
		f.killCommand(f.within(duration), "db", "migrate")
		f.wantEitherSchema(before, after)
		f.completeMigration(after)
	}
	f.wantInspections(want)
	requests := f.useMigratedDatabase()
	harness.Figures(t, "kills/migration", "kills", f.kills, "requests", requests, "users", users, "milliseconds", duration.Milliseconds(),
		"half_migrated", f.hits["half_migrated"], "schema_1", f.hits["schema_1"], "schema_2", f.hits["schema_2"])
}

// whileWALGrows waits until the migration, which writes to a cache, is written to the WAL, and then a little longer.
func (f *fixture) whileWALGrows() {
	f.t.Helper()
	for deadline := time.Now().Add(harness.Timeout); ; {
		if info, err := os.Stat(f.Database + "-wal"); err == nil && info.Size() > 0 {
			break
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("no WAL within %s", harness.Timeout)
		}
	}
	f.pause(20 * time.Millisecond)
}

// wantEitherSchema checks what a kill left, and counts it.
func (f *fixture) wantEitherSchema(before, after string) {
	f.t.Helper()
	wal, err := os.Stat(f.Database + "-wal")
	switch found := f.contents(); found {
	case before:
		f.hits["schema_1"]++
		if err == nil && wal.Size() > 0 {
			f.hits["half_migrated"]++
		}
	case after:
		f.hits["schema_2"]++
	default:
		f.t.Fatalf("kill %d, seed %d: the database has neither the old content nor the new\n%s\nold: %s\nnew: %s",
			f.kills, *seed, found, before, after)
	}
}

// completeMigration lets the next process complete it.
func (f *fixture) completeMigration(after string) {
	f.t.Helper()
	if _, err := f.Run(nil, "db", "migrate"); err != nil {
		f.t.Fatalf("after kill %d, seed %d: %v", f.kills, *seed, err)
	}
	if found := f.contents(); found != after {
		f.t.Errorf("after kill %d, seed %d, the migrated database has another content\n%s\nwant %s", f.kills, *seed, found, after)
	}
}

// wantInspections compares users with what schema 1 said about them.
func (f *fixture) wantInspections(inspections map[string]any) {
	f.t.Helper()
	for id, want := range inspections {
		out, err := f.Run(nil, "referral", "inspect", id, "--limit", "100000", "-o", "json")
		var found any
		if err == nil {
			err = json.Unmarshal(out, &found)
		}
		if diff := cmp.Diff(want, found); err != nil || diff != "" {
			f.t.Errorf("after kill %d, seed %d, inspect %s: %v\n%s", f.kills, *seed, id, err, diff)
		}
	}
}

// useMigratedDatabase lets new users call with a migrated code.
func (f *fixture) useMigratedDatabase() (requests int) {
	f.t.Helper()
	before := f.check().Attributions
	f.AddUsers(4)
	srv := f.StartServer()
	f.Load(f.t.Context(), srv.Address, 2, f.Users, func(int) string { return "slug-0" }, f.ledger)
	srv.Stop()
	if r := f.check(); r.Acknowledged != 4 || r.Attributions != before+4 {
		f.t.Errorf("seed %d: %d attributions before 4 more calls, %d after: %v", *seed, before, r.Attributions, f.ledger.Answers())
	}
	return 4
}

// readDatabase returns the file. No process has it open, so it is complete.
func (f *fixture) readDatabase() []byte {
	f.t.Helper()
	b, err := os.ReadFile(f.Database)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// contents describes a copy of the database: its migrations, the schema, and each table with the number and a
// hash of its rows. serve writes its settings after the migration.
func (f *fixture) contents() string {
	f.t.Helper()
	db := f.openCopy()
	defer func() { _ = db.Close() }()
	parts := []string{
		"migrations " + f.hashRows(db, `SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY id`),
		"schema " + f.hashRows(db, `SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name`),
	}
	var names string
	if err := db.QueryRow(`SELECT group_concat(name, ' ' ORDER BY name) FROM sqlite_schema
		WHERE type = 'table' AND name NOT IN ('goose_db_version', 'settings')`).Scan(&names); err != nil {
		f.t.Fatal(err)
	}
	for name := range strings.FieldsSeq(names) {
		parts = append(parts, name+" "+f.hashRows(db, `SELECT * FROM `+name))
	}
	return strings.Join(parts, "; ")
}

// hashRows returns the number of rows and a hash of their values and types.
func (f *fixture) hashRows(db *sql.DB, query string) string {
	f.t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		f.t.Fatal(err)
	}
	row, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		targets[i] = &row[i]
	}
	n, h := 0, fnv.New64a()
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			f.t.Fatal(err)
		}
		for _, value := range row {
			_, _ = fmt.Fprintf(h, "%T %[1]x\n", value)
		}
	}
	if err := rows.Err(); err != nil {
		f.t.Fatal(err)
	}
	return fmt.Sprintf("%d rows %x", n, h.Sum64())
}
