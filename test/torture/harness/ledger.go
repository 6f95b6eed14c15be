package harness

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	_ "modernc.org/sqlite" // reads the database with other eyes than the program's
)

// Ledger remembers what was asked of the server and what it acknowledged. Safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	sent     int
	acked    map[string]string // invitee → code, answered {"attributed":true}
	spooled  map[string]string // invitee → code, answered internal_error: must be there after a drain
	answers  map[string]int    // by outcome
	violated []string
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{acked: make(map[string]string), spooled: make(map[string]string), answers: make(map[string]int)}
}

// Sent notes a call that is about to be made.
func (l *Ledger) Sent(Person, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
}

// Answered notes an answer.
func (l *Ledger) Answered(p Person, code string, a Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.Status != http.StatusOK:
		l.answers[a.Error]++
	case a.Attributed:
		l.answers["attributed"]++
		if _, twice := l.acked[p.ID]; twice {
			l.violated = append(l.violated, p.ID+" was answered attributed twice")
		}
		l.acked[p.ID] = code
	default:
		l.answers[a.Reason]++
		if _, done := l.acked[p.ID]; a.Reason == "internal_error" && !done && l.spooled[p.ID] == "" {
			l.spooled[p.ID] = code // the first attempt counts: attempts are drained in order
		}
	}
}

// Count tells how many calls were sent, and how many were answered so: "attributed", a reason, or the
// tag of an error.
func (l *Ledger) Count(outcome string) (sent, answered int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.answers[outcome]
}

// Answers returns how many calls were answered how.
func (l *Ledger) Answers() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]int, len(l.answers))
	for k, n := range l.answers {
		all[k] = n
	}
	return all
}

// Verdict is what Check found.
type Verdict struct {
	Acknowledged int
	Waited       int // attempts that were answered internal_error and are attributed by now
	Rows         int
	Lost         []string // acknowledged, and not there, or with another code
	Doubled      []string // more than one row or signup event for an invitee, or a row without its event
	Unsound      []string // what db check, referral verify and the ledger itself complain of
}

// Check holds the database against the ledger. drained says that the spool is empty, so that every
// attempt that was answered internal_error must have its attribution too.
func (s *Site) Check(l *Ledger, drained bool) Verdict {
	s.T.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	v := Verdict{Acknowledged: len(l.acked), Unsound: append([]string(nil), l.violated...)}
	codes := s.attributions(&v)
	for invitee, code := range l.acked {
		if codes[invitee] != code {
			v.Lost = append(v.Lost, fmt.Sprintf("%s was told %q and has %q", invitee, code, codes[invitee]))
		}
	}
	for invitee := range l.spooled {
		if _, there := codes[invitee]; there {
			v.Waited++
		} else if drained {
			v.Lost = append(v.Lost, invitee+" waited in the spool and has nothing")
		}
	}
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := s.Run(nil, args...); err != nil {
			v.Unsound = append(v.Unsound, err.Error())
		}
	}
	return v
}

// Bad tells whether anything was lost, doubled or unsound.
func (v Verdict) Bad() bool { return len(v.Lost)+len(v.Doubled)+len(v.Unsound) > 0 }

// attributions reads the links, and looks for rows and events that do not belong together, in SQL of
// its own.
func (s *Site) attributions(v *Verdict) map[string]string {
	s.T.Helper()
	db := s.Open()
	defer func() { _ = db.Close() }()
	codes := make(map[string]string)
	s.rows(db, `SELECT invitee_id, code FROM attributions`, func(invitee, code string) { codes[invitee] = code })
	v.Rows = len(codes)
	s.rows(db, `SELECT user_id, count(*) || ' signup events' FROM events WHERE type = 'signup' GROUP BY user_id HAVING count(*) > 1
		UNION ALL
		SELECT attempt_id, count(*) || ' events of one attempt' FROM events GROUP BY attempt_id, type HAVING count(*) > 1
		UNION ALL
		SELECT a.invitee_id, 'an attribution without its event' FROM attributions a
		WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.type = 'signup' AND e.user_id = a.invitee_id
			AND e.code = a.code AND e.referrer_id = a.referrer_id AND e.attempt_id = a.attempt_id)
		UNION ALL
		SELECT e.user_id, 'a signup event without its attribution' FROM events e
		WHERE e.type = 'signup' AND NOT EXISTS (SELECT 1 FROM attributions a WHERE a.invitee_id = e.user_id)`,
		func(who, what string) { v.Doubled = append(v.Doubled, who+": "+what) })
	return codes
}

// Open opens the database beside the program, as any SQLite tool would. The caller closes it.
func (s *Site) Open() *sql.DB {
	s.T.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(s.Database)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.T.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func (s *Site) rows(db *sql.DB, query string, each func(a, b string)) {
	s.T.Helper()
	rows, err := db.Query(query)
	if err != nil {
		s.T.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			s.T.Fatal(err)
		}
		each(a, b)
	}
	if err := rows.Err(); err != nil {
		s.T.Fatal(err)
	}
}
