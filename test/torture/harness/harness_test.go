package harness_test

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// TestTheChecksSeeALoss is the suites' own test: what they are built on must be able to fail.
func TestTheChecksSeeALoss(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	s.Populate(50)
	srv := s.Serve()
	l := harness.NewLedger()
	code := s.People[0].Code
	s.Load(t.Context(), srv.Address, 8, s.People[1:], func(int) string { return code }, l)
	srv.Stop()
	if sent, told := l.Count("attributed"); sent != 49 || told != 49 {
		t.Fatalf("%d sent, answers %v", sent, l.Answers())
	}
	if v := s.Check(l, true); v.Bad() || v.Rows != 49 || v.Acknowledged != 49 {
		t.Fatalf("a sound store: %+v", v)
	}
	db := s.Open()
	if _, err := db.Exec(`DELETE FROM attributions WHERE invitee_id = ?`, s.People[7].ID); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	v := s.Check(l, true)
	if len(v.Lost) != 1 || len(v.Doubled) != 1 || len(v.Unsound) != 2 {
		t.Errorf("a row was taken away: %+v", v)
	}
}
