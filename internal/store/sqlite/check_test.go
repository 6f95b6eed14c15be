package sqlite_test

import (
	"os"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestCheckFindsManualChanges(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		`DROP TRIGGER events_no_update`: "the schema has lost events_no_update",
		`DROP INDEX codes_one_uid`:      "the schema has lost codes_one_uid",
		`INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000000', 'x@example.com', '', 0, NULL)`: "has no uid code",
		`DELETE FROM attributions`:                            "has no attribution",
		`DELETE FROM users WHERE email = 'user0@example.com'`: "foreign key: ",
		`UPDATE attributions SET attempt_id = 'x'`:            "has no signup event",
		`UPDATE attributions SET code = (SELECT min(code) FROM codes WHERE user_id NOT IN (SELECT referrer_id FROM attributions))`: "but its code",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s, path := newStore(t)
			all := newUsers(t, s, 3)
			attribute(t, s, all[0].attempt(all[1].code))
			tamper(t, path, statement)
			problems, err := s.Check(t.Context())
			if err != nil || !strings.Contains(strings.Join(problems, "\n"), want) {
				t.Errorf("%v %v", problems, err)
			}
		})
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
