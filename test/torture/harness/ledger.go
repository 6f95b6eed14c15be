package harness

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"

	_ "modernc.org/sqlite" // reads the database with other queries than the program's
)

// Ledger records the calls to a server and what it acknowledged. It is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	calls    int
	acked    map[string]string // invitee → code, answered {"attributed":true}
	spooled  map[string]string // invitee → code, answered internal_error: attributed after a drain
	answers  map[string]int    // by outcome
	problems []string
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{acked: make(map[string]string), spooled: make(map[string]string), answers: make(map[string]int)}
}

// AddCall records a call that is about to be made.
func (l *Ledger) AddCall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
}

// AddAnswer records an answer.
func (l *Ledger) AddAnswer(u User, code string, a Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[a.Outcome()]++
	_, acked := l.acked[u.ID]
	switch {
	case a.Attributed && acked:
		l.problems = append(l.problems, u.ID+" was answered attributed twice")
	case a.Attributed:
		l.acked[u.ID] = code
	case a.Reason == "internal_error" && !acked && l.spooled[u.ID] == "":
		l.spooled[u.ID] = code // the first attempt counts: attempts are drained in order
	}
}

// Outcome returns "attributed", a reason, or the tag of an error.
func (a Answer) Outcome() string {
	switch {
	case a.Status != http.StatusOK:
		return a.Error
	case a.Attributed:
		return "attributed"
	}
	return a.Reason
}

// Count returns the number of calls, and of answers with the outcome: "attributed", a reason, or the tag
// of an error.
func (l *Ledger) Count(outcome string) (calls, answered int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.answers[outcome]
}

// Answers returns the number of answers by outcome.
func (l *Ledger) Answers() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.answers)
}

// DropAcknowledged forgets the acknowledgements of some users: the database that had them is gone.
func (l *Ledger) DropAcknowledged(of func(id string) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.acked, func(id, _ string) bool { return of(id) })
}

// CheckResult is what Check found.
type CheckResult struct {
	Acknowledged int
	FromSpool    int      // attempts that were answered internal_error and are attributed now
	Attributions int      // rows
	Lost         []string // acknowledged, and missing or with another code
	Duplicates   []string // several rows or signup events of one invitee, or a row without its event
	Problems     []string // reported by db check, referral verify or the ledger itself
}

// Check compares the database with the ledger. drained says that the spool is empty: then every attempt
// that was answered internal_error must have its attribution too.
func (s *Site) Check(l *Ledger, drained bool) CheckResult {
	s.T.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := CheckResult{Acknowledged: len(l.acked), Problems: slices.Clone(l.problems)}
	codes := s.attributions(&r)
	for invitee, code := range l.acked {
		if codes[invitee] != code {
			r.Lost = append(r.Lost, fmt.Sprintf("%s was acknowledged with %q and has %q", invitee, code, codes[invitee]))
		}
	}
	for invitee := range l.spooled {
		if _, found := codes[invitee]; found {
			r.FromSpool++
		} else if drained {
			r.Lost = append(r.Lost, invitee+" was spooled and has no attribution")
		}
	}
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := s.Run(nil, args...); err != nil {
			r.Problems = append(r.Problems, err.Error())
		}
	}
	return r
}

// Failed reports whether anything was lost, duplicated or inconsistent.
func (r CheckResult) Failed() bool { return len(r.Lost)+len(r.Duplicates)+len(r.Problems) > 0 }

// Summary lists the problems, at most three of each kind.
func (r CheckResult) Summary() string {
	first := func(list []string) []string { return list[:min(3, len(list))] }
	return fmt.Sprintf("%d lost %.300q\n%d duplicates %.300q\n%d problems %.600q",
		len(r.Lost), first(r.Lost), len(r.Duplicates), first(r.Duplicates), len(r.Problems), first(r.Problems))
}

// attributions reads the attributions. It also looks for rows and events that do not match, with SQL of
// its own.
func (s *Site) attributions(r *CheckResult) map[string]string {
	s.T.Helper()
	db := s.Open()
	defer func() { _ = db.Close() }()
	codes := make(map[string]string)
	s.query(db, `SELECT u.id, a.code FROM attributions a LEFT JOIN users u ON u.n = a.invitee`,
		func(invitee, code string) { codes[invitee] = code; r.Attributions++ })
	s.query(db, `SELECT u.id, what FROM (
		SELECT user, count(*) || ' signup events' AS what FROM events WHERE type = 1 GROUP BY user HAVING count(*) > 1
		UNION ALL
		SELECT user, count(*) || ' events of one attempt' FROM events GROUP BY user, attempt_id, type HAVING count(*) > 1
		UNION ALL
		SELECT a.invitee, 'an attribution without its event' FROM attributions a LEFT JOIN events e ON e.seq = a.event
		WHERE (e.type, e.user, e.code, e.referrer, e.attempt_id) IS NOT (1, a.invitee, a.code, a.referrer, a.attempt_id)
		UNION ALL
		SELECT user, 'a signup event without its attribution' FROM events e
		WHERE type = 1 AND NOT EXISTS (SELECT 1 FROM attributions a WHERE a.invitee = e.user AND a.event = e.seq)
		) LEFT JOIN users u ON u.n = user`,
		func(id, what string) { r.Duplicates = append(r.Duplicates, id+": "+what) })
	return codes
}

// Open opens the database as any SQLite tool would. The caller closes it.
func (s *Site) Open() *sql.DB {
	s.T.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(s.Database)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.T.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// query calls each with the id and the text of each row.
func (s *Site) query(db *sql.DB, query string, each func(id, text string)) {
	s.T.Helper()
	rows, err := db.Query(query)
	if err != nil {
		s.T.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id ID
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			s.T.Fatal(err)
		}
		each(string(id), text)
	}
	if err := rows.Err(); err != nil {
		s.T.Fatal(err)
	}
}
