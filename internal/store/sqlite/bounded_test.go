package sqlite_test

import (
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// newChain makes n users, each referred by the one before, with the times and the events of a file that is ok.
func newChain(t *testing.T, n int) (s *sqlite.Store, path string) {
	t.Helper()
	s, path = newStore(t)
	newUser(t, s, "top")
	tamper(t, path, named(`
CREATE TEMP TABLE numbered AS WITH RECURSIVE n (value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < $n) SELECT value FROM n;
INSERT INTO users (n, id, display_name, created_at) SELECT value, 'user' || value, '', 0 FROM numbered WHERE value > 1;
INSERT INTO codes (code, owner, kind, created_at) SELECT 'slug' || value, value, 2, 0 FROM numbered;
INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
    SELECT value, value - 1, 'slug' || (value - 1), 0, 'a' || value, value - 1 FROM numbered WHERE value > 1;
INSERT INTO events (seq, at, user, type, code, referrer, source, attempt_id)
    SELECT value - 1, 0, value, 1, 'slug' || (value - 1), value - 1, 1, 'a' || value FROM numbered WHERE value > 1`,
		"$n", strconv.Itoa(n)))
	return s, path
}

// A walk of the writer delays the attempts of all users.
func TestLongChainOfReferralsCostsTheWriterAFewLinks(t *testing.T) {
	t.Parallel()
	s, _ := newChain(t, 100_000)
	top, err := s.FindUser(t.Context(), auth.UserRef{Email: "top@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if _, known, err := s.TopInWriter(t.Context(), 100_000); known || err != nil {
		t.Fatalf("the writer followed the whole chain: %v", err)
	}
	for _, code := range []string{"slug100000", "slug99999", "slug50000", "slug3"} {
		if o := attribute(t, s, user{id: top.ID}.attempt(code)); o.Reason != referral.ReasonReferralCycle {
			t.Errorf("%s: %+v", code, o)
		}
	}
	for n := int64(1); n <= 100_000; n += 997 {
		if got, known, err := s.TopInWriter(t.Context(), n); got != 1 || !known || err != nil {
			t.Fatalf("the chain above user %d: %d %t %v", n, got, known, err)
		}
	}
	if n := s.Ancestors(); n > 20_000 {
		t.Errorf("%d entries for one chain", n)
	}
	// The chain grows at its top, which is all that may happen to it.
	ann := newUser(t, s, "ann")
	if o := attribute(t, s, user{id: top.ID}.attempt(ann.code)); !o.Attributed {
		t.Errorf("%+v", o)
	}
	if o := attribute(t, s, ann.attempt("slug70000")); o.Reason != referral.ReasonReferralCycle {
		t.Errorf("%+v", o)
	}
}

// Per signup, the walk to the top would take minutes.
func TestVerifyReadsALongChainOnce(t *testing.T) {
	t.Parallel()
	s, path := newChain(t, 100_000)
	if v := verify(t, s); v.Attributions != 99_999 || len(v.Differences) > 0 {
		t.Fatalf("%d attributions, differences %v", v.Attributions, v.Differences)
	}
	tamper(t, path, `INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
		VALUES (1, 90000, 'slug90000', 0, 'x', 0)`)
	inRing := 0
	for _, d := range verify(t, s).Differences {
		if d.Kind == string(referral.ReasonReferralCycle) {
			inRing++
		}
	}
	if inRing != 89_999 { // all of the ring but the user whose attribution has no event
		t.Errorf("%d signups are in the ring", inRing)
	}
}

func verify(t *testing.T, s *sqlite.Store) referral.Verification {
	t.Helper()
	v, err := referral.Verify(s.Ledger(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestReplayTransactionEndsInTime(t *testing.T) {
	t.Parallel()
	s, _, c := newStoreWithClock(t)
	all := newUsers(t, s, 9)
	attempts := repeat(8, func(i int) referral.Attempt {
		a := all[i].attempt(all[8].code)
		a.Source = referral.SourceReplay
		return a
	})
	c.step = 10 * time.Millisecond // for each look at the clock, that is for each attempt
	n, err := s.ReplayedAtOnce(t.Context(), attempts)
	if err != nil || n < 1 || n > 5 {
		t.Errorf("one transaction decided %d attempts of 10 ms: %v", n, err)
	}
	verdicts, err := s.Replay(t.Context(), attempts, referral.Rules{})
	if err != nil || len(verdicts) != len(attempts) || !verdicts[7].Outcome.Attributed {
		t.Errorf("%+v %v", verdicts, err)
	}
}

func TestStatementsAboutOneUserScanNoTable(t *testing.T) {
	t.Parallel()
	_, path := newChain(t, 100)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for name, statement := range sqlite.UserStatements {
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, slices.Repeat([]any{nil}, 10)[:parameters(statement)]...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN ") && detail != "SCAN CONSTANT ROW" {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// parameters returns the number of a statement's parameters, ?1 and so on.
func parameters(statement string) (n int) {
	for i := range 10 {
		if strings.Contains(statement, "?"+string(rune('0'+i))) {
			n = i
		}
	}
	if strings.Contains(statement, "?10") {
		n = 10
	}
	return n
}
