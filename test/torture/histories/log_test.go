package histories

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/triport/triport-console/internal/referral"
)

// event is a row of the audit log, in the terms of the history.
type event struct {
	attempt  int // a call's number, or that of a line counted on from the calls
	user     int
	signup   bool
	code     string
	referrer int // -1: nobody
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

// refused is an attempt whose refusal stands in the log.
type refused struct {
	attempt int
	order   int // of the event, from 1
}

// readLog reads what the history left in the audit log.
func (h *history) readLog(db *sql.DB) error {
	users := make(map[string]int)
	var ids []any
	for i, u := range h.users {
		users[u.ID] = i
		ids = append(ids, u.ID)
	}
	rows, err := db.Query(`
SELECT user_id, type, ifnull(code, ''), ifnull(referrer_id, ''), ifnull(reason, ''), ifnull(detail, ''), source, attempt_id,
       ifnull(request_id, ''), at
FROM events WHERE user_id IN (?`+strings.Repeat(", ?", len(ids)-1)+`) ORDER BY seq`, ids...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	attempts := h.knownAttempts()
	for rows.Next() {
		var e event
		var user, kind, referrer, attempt, request string
		if err := rows.Scan(&user, &kind, &e.code, &referrer, &e.reason, &e.detail, &e.source, &attempt, &request, &e.at); err != nil {
			return err
		}
		e.user, e.referrer, e.signup = users[user], -1, kind == string(referral.EventSignup)
		if n, ok := users[referrer]; ok {
			e.referrer = n
		} else if referrer != "" {
			return fmt.Errorf("user %d is credited to a stranger by event %v", e.user, e)
		}
		// A live attempt gets its id from the server: the request names the call.
		if n, ok := attempts[request]; ok && e.source == string(referral.SourceLive) {
			attempts[attempt] = n
		}
		n, ok := attempts[attempt]
		if !ok {
			return fmt.Errorf("nobody asked for event %v", e)
		}
		e.attempt = n
		h.log = append(h.log, e)
		if !e.signup {
			h.refusals[e.user] = append(h.refusals[e.user], refused{n, len(h.log)})
		}
	}
	return rows.Err()
}

// knownAttempts finds the number of an attempt by the id of its call's request, or of its line.
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
			id = referral.DeriveAttemptID(h.users[l.user].ID, referral.Canonical(h.text(l.code)), l.at)
		}
		known[id] = workers*turns + i
	}
	return known
}

// agree holds each call's answer against its event, which needs no model: what was attributed has one
// signup, a kept refusal one event with that reason, everything else none.
func (h *history) agree() error {
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
		if r.answer.Status == http.StatusOK && (r.answer.Attributed || referral.Reason(r.answer.Reason).Kept()) {
			want = 1
		}
		if len(events) != want || want == 1 && (events[0].signup != r.answer.Attributed || events[0].reason != r.answer.Reason) {
			return fmt.Errorf("%s, and the log has of it: %v", h.describe(r), events)
		}
	}
	return nil
}

// describe tells a record in one line.
func (h *history) describe(r *record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s – %-10s worker %d: %s user %d", time.Duration(r.begun).Round(time.Microsecond),
		time.Duration(r.ended).Round(time.Microsecond), r.worker, r.kind, r.user)
	switch r.kind {
	case kindCall:
		fmt.Fprintf(&b, " (call %d) session %d code %q: %d %s", r.number, r.session, h.text(r.code), r.answer.Status, outcomeOf(r))
	case kindSetSlug:
		fmt.Fprintf(&b, " %q: %s", h.text(r.code), r.said)
	case kindDisableSlug:
		fmt.Fprintf(&b, ": %s", r.said)
	case kindRevoke:
		fmt.Fprintf(&b, ": %d", r.revoked)
	case kindCreateSession:
		fmt.Fprintf(&b, ": session %d", r.session)
	case kindReplayLines, kindReplayRejected:
		fmt.Fprintf(&b, " %v: %+v", r.lines, r.report)
	}
	return b.String()
}

// outcomeOf is the outcome of a call, in a word.
func outcomeOf(r *record) string {
	switch a := r.answer; {
	case a.Attributed:
		return "attributed"
	case a.Status == http.StatusOK:
		return a.Reason
	default:
		return a.Error
	}
}

// tell is the whole history, for a person who has to find out what went wrong.
func (h *history) tell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "history %d\n", h.number)
	for i, u := range h.users {
		fmt.Fprintf(&b, "user %d: uid code %s, too old %v\n", i, u.uid, u.old)
	}
	for i, l := range h.lines {
		fmt.Fprintf(&b, "line %d (attempt %d): user %d code %q at %s\n", i, workers*turns+i, l.user, h.text(l.code), l.at)
	}
	byTime := slices.SortedFunc(slices.Values(h.records), func(a, b *record) int { return int(a.begun - b.begun) })
	for _, r := range byTime {
		fmt.Fprintln(&b, h.describe(r))
	}
	for i, e := range h.log {
		fmt.Fprintf(&b, "log %2d: %v\n", i+1, e)
	}
	return b.String()
}
