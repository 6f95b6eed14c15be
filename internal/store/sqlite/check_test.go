package sqlite_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestCheckFindsManualChanges(t *testing.T) {
	t.Parallel()
	const lift = dropAttributionGuards + ";"
	for statement, want := range map[string]string{
		`DROP TRIGGER events_no_update`: "the schema has lost the trigger events_no_update",
		`DROP INDEX codes_one_uid`:      "the schema has lost the index codes_one_uid",
		`DROP INDEX codes_one_uid; CREATE INDEX codes_one_uid ON codes (owner) WHERE kind = 1`:                                                            "the schema has another index codes_one_uid",
		`CREATE TRIGGER more AFTER INSERT ON events BEGIN SELECT 1; END`:                                                                                  "the schema has a trigger more that does not belong to it",
		`DROP TRIGGER events_no_delete; CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT 1; END`:                                      "the schema has another trigger events_no_delete",
		`PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (invitee <> referrer)', 'CHECK (1)') WHERE name = 'attributions'`: "the schema has another table attributions",
		`INSERT INTO users VALUES (9, 'x', NULL, '', 0, NULL)`:                                                                                            "user x has no uid code",
		`DROP TRIGGER users_keep_id; UPDATE users SET id = 'x' WHERE n = 1`:                                                                               "does not follow from the id",
		`UPDATE users SET email = 'no address' WHERE n = 1`:                                                                                               "the e-mail address is none",
		`UPDATE users SET created_at = -1`:                                                                                                                "CHECK constraint failed in users",
		lift + `DELETE FROM attributions`:                                                                                                                 "has no attribution",
		`DELETE FROM users WHERE email = 'user0@example.com'`:                                                                                             "foreign key: ",
		`UPDATE users SET disabled_at = 1 WHERE n = 3`:                                                                                                    "has a session that is not revoked",
		lift + `UPDATE attributions SET attempt_id = 'x'`:                                                                                                 "has no signup event",
		lift + `UPDATE attributions SET code = (SELECT min(code) FROM codes WHERE owner NOT IN (SELECT referrer FROM attributions))`:                      "credits another user than the owner of its code",
		`DROP TRIGGER events_no_delete; INSERT INTO events (seq, at, user, type) VALUES (3, 0, 1, 1)`:                                                     "the numbers of the events have gaps",
		`INSERT INTO events (at, user, type) VALUES (0, 99, 1)`:                                                                                           "names a user who does not exist",
		`INSERT INTO events (at, user, type) VALUES (0, 1, 99)`:                                                                                           "has no word",
	} {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			s, path := newStore(t)
			all := newUsers(t, s, 3)
			attribute(t, s, all[0].attempt(all[1].code))
			newSession(t, s, all[2].id, time.Hour)
			tamper(t, path, `PRAGMA ignore_check_constraints = 1`, statement)
			problems, err := reopen(t, path, sqlite.ReadOnly).Check(t.Context())
			if err != nil || !strings.Contains(strings.Join(problems, "\n"), want) {
				t.Errorf("%v %v", problems, err)
			}
		})
	}
}

func TestCheckIgnoresTablesOfLitestreamAndANALYZE(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	newUsers(t, s, 1)
	tamper(t, path, `CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)`, `CREATE TABLE _litestream_lock (id INTEGER)`, `ANALYZE`)
	problems, err := reopen(t, path, sqlite.ReadOnly).Check(t.Context())
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestCheckReportsDamagedPages(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	newUsers(t, s, 200)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	garbage := []byte(strings.Repeat("garbage!", 512))
	for page := int64(3); page < info.Size()/4096; page += 2 {
		if _, err := f.WriteAt(garbage, page*4096); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	problems, err := reopen(t, path, sqlite.ReadOnly).Check(t.Context())
	if err != nil && !sqlite.IsCorrupt(err) || len(problems) == 0 {
		t.Errorf("%v %v", problems, err)
	}
}
