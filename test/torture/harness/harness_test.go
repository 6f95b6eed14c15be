package harness_test

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// The suites rely on Check, so Check itself must be able to fail.
func TestCheckDetectsDeletedAttribution(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	s.AddUsers(50)
	srv := s.StartServer()
	l := harness.NewLedger()
	code := s.Users[0].Code
	s.Load(t.Context(), srv.Address, 8, s.Users[1:], func(int) string { return code }, l)
	srv.Stop()
	if calls, attributed := l.Count("attributed"); calls != 49 || attributed != 49 {
		t.Fatalf("%d calls, answers %v", calls, l.Answers())
	}
	if r := s.Check(l, true); r.Failed() || r.Attributions != 49 || r.Acknowledged != 49 {
		t.Fatalf("unchanged database: %+v", r)
	}
	deleteAttribution(s, s.Users[7])
	if r := s.Check(l, true); len(r.Lost) != 1 || len(r.Duplicates) != 1 || len(r.Problems) != 2 {
		t.Errorf("a row was deleted: %+v", r)
	}
}

// deleteAttribution deletes it as a bug would. The schema is the same afterwards.
func deleteAttribution(s *harness.Site, u harness.User) {
	s.T.Helper()
	db := s.Open()
	defer func() { _ = db.Close() }()
	var trigger string
	if err := db.QueryRow(`SELECT sql FROM sqlite_schema WHERE name = 'attributions_no_delete'`).Scan(&trigger); err != nil {
		s.T.Fatal(err)
	}
	if _, err := db.Exec(`DROP TRIGGER attributions_no_delete;
		DELETE FROM attributions WHERE invitee = (SELECT n FROM users WHERE id = ?);`+trigger, harness.ID(u.ID)); err != nil {
		s.T.Fatal(err)
	}
}
