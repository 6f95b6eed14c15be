package histories

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

// event is a row of the audit log.
type event struct {
	attempt  int // number of a call, or workers*turns plus the index of a line
	user     int
	signup   bool
	code     string
	referrer int // -1 means none
	reason   string
	detail   string
	source   string
	at       int64 // microseconds
}

func (e event) String() string {
	what := "rejected " + e.reason + " " + e.detail
	if e.signup {
		what = "signup"
	}
	return fmt.Sprintf("attempt %d of user %d, code %q of %d, %s: %s", e.attempt, e.user, e.code, e.referrer, e.source, what)
}

// rejectedAttempt is an attempt with a rejection in the log.
type rejectedAttempt struct {
	attempt int
	order   int // of the event, from 1
}

// The words of an event by their number in the database. 0 is NULL.
var (
	reasons = []string{"", "invalid_code", "self_referral", "unknown_code", "referral_cycle", "not_eligible"}
	details = []string{"", "no_such_code", "code_disabled", "owner_disabled", "invitee_disabled"}
	sources = []string{"", "live", "spool", "replay"}
)

// readLog reads the events of the history.
func (h *history) readLog(db *sql.DB) error {
	users := make(map[string]int)
	var ids []any
	for i, u := range h.users {
		users[u.ID] = i
		ids = append(ids, harness.ID(u.ID))
	}
	rows, err := db.Query(`
SELECT u.id, type, ifnull(code, ''), r.id, reason, detail, source, attempt_id, ifnull(request_id, ''), at
FROM events JOIN users u ON u.n = user LEFT JOIN users r ON r.n = referrer
WHERE u.id IN (?`+strings.Repeat(", ?", len(ids)-1)+`) ORDER BY seq`, ids...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	attempts := h.knownAttempts()
	for rows.Next() {
		var e event
		var kind, reason, detail, source sql.NullInt64
		var user, referrer, attempt harness.ID
		var request string
		if err := rows.Scan(&user, &kind, &e.code, &referrer, &reason, &detail, &source, &attempt, &request, &e.at); err != nil {
			return err
		}
		e.reason, e.detail, e.source = reasons[reason.Int64], details[detail.Int64], sources[source.Int64]
		e.user, e.referrer, e.signup = users[string(user)], -1, kind.Int64 == 1
		if n, ok := users[string(referrer)]; ok {
			e.referrer = n
		} else if referrer != "" {
			return fmt.Errorf("event %[2]v credits another history's user for user %[1]d", e.user, e)
		}
		// The server chooses the id of a live attempt. The request id identifies the call.
		if n, ok := attempts[request]; ok && e.source == string(referral.SourceLive) {
			attempts[string(attempt)] = n
		}
		n, ok := attempts[string(attempt)]
		if !ok {
			return fmt.Errorf("no operation caused event %v", e)
		}
		e.attempt = n
		h.log = append(h.log, e)
		if !e.signup {
			h.rejections[e.user] = append(h.rejections[e.user], rejectedAttempt{n, len(h.log)})
		}
	}
	return rows.Err()
}

// knownAttempts maps request ids of calls, and attempt ids of lines, to the numbers of their attempts.
func (h *history) knownAttempts() map[string]int {
	known := make(map[string]int)
	for _, r := range h.records {
		if r.kind == kindCall && r.answer.RequestID != "" {
			known[r.answer.RequestID] = r.number
		}
	}
	for i, l := range h.lines {
		id := l.id
		if id == "" {
			id = referral.DeriveAttemptID(h.users[l.user].ID, referral.ParsePresentedCode(h.text(l.code)).Text, l.at)
		}
		known[id] = workers*turns + i
	}
	return known
}

// checkEvents compares each call's answer with its events, which needs no model: an attribution has one
// signup, an audited rejection one event with that reason, everything else none.
func (h *history) checkEvents() error {
	live := make(map[int][]event)
	for _, e := range h.log {
		if e.source == string(referral.SourceLive) {
			live[e.attempt] = append(live[e.attempt], e)
		}
	}
	for _, r := range h.records {
		if r.kind != kindCall {
			continue
		}
		events := live[r.number]
		want := 0
		if r.answer.Status == http.StatusOK && (r.answer.Attributed || referral.Reason(r.answer.Reason).Audited()) {
			want = 1
		}
		if len(events) != want || want == 1 && (events[0].signup != r.answer.Attributed || events[0].reason != r.answer.Reason) {
			return fmt.Errorf("%s, but its events are: %v", h.describe(r), events)
		}
	}
	return nil
}

// describe returns a record as one line.
func (h *history) describe(r *record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s – %-10s worker %d: %s user %d", time.Duration(r.started).Round(time.Microsecond),
		time.Duration(r.ended).Round(time.Microsecond), r.worker, r.kind, r.user)
	switch r.kind {
	case kindCall:
		fmt.Fprintf(&b, " (call %d) session %d code %q: %d %s", r.number, r.session, h.text(r.code), r.answer.Status, r.answer.Outcome())
	case kindSetSlug:
		fmt.Fprintf(&b, " %q: %s", h.text(r.code), r.result)
	case kindDisableSlug:
		fmt.Fprintf(&b, ": %s", r.result)
	case kindRevoke:
		fmt.Fprintf(&b, ": %d", r.revoked)
	case kindCreateSession:
		fmt.Fprintf(&b, ": session %d %s", r.session, r.result)
	case kindReplayLines, kindReplayRejected:
		fmt.Fprintf(&b, " %v: %+v", r.lines, r.report)
	}
	return b.String()
}

// format returns the whole history, to debug a failure.
func (h *history) format() string {
	var b strings.Builder
	fmt.Fprintf(&b, "history %d\n", h.number)
	for i, u := range h.users {
		fmt.Fprintf(&b, "user %d: uid code %s, too old %v\n", i, u.uid, u.old)
	}
	for i, l := range h.lines {
		fmt.Fprintf(&b, "line %d (attempt %d): user %d code %q at %s\n", i, workers*turns+i, l.user, h.text(l.code), l.at)
	}
	byTime := slices.SortedFunc(slices.Values(h.records), func(a, b *record) int { return int(a.started - b.started) })
	for _, r := range byTime {
		fmt.Fprintln(&b, h.describe(r))
	}
	for i, e := range h.log {
		fmt.Fprintf(&b, "log %2d: %v\n", i+1, e)
	}
	return b.String()
}
