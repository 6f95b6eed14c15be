package histories

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

// record is an operation that was done: when, and what came back.
type record struct {
	operation
	number       int // of its attempt, for a call
	worker       int
	begun, ended int64
	answer       harness.Answer  // of a call
	said         string          // of a slug: its text, or why not
	revoked      int64           // sessions
	report       referral.Report // of a replay
	fault        error           // something that no operation may bring
}

// arena is where histories take place: the server, and the operator's way to the same store.
type arena struct {
	address string
	client  *harness.Client
	store   *storeOperator
	command *commandOperator
	start   time.Time
}

func (a *arena) now() int64 { return int64(time.Since(a.start)) }

// prepare makes the users of a history, with a session each.
func (a *arena) prepare(ctx context.Context, h *history) error {
	var users []auth.User
	var rows []auth.Session
	for i, u := range h.users {
		users = append(users, u.User)
		rows = append(rows, h.sessions[i].row)
	}
	verdicts, err := a.store.ImportUsers(ctx, users, func() (string, error) { return "", fmt.Errorf("every user has an id") })
	if err != nil {
		return fmt.Errorf("make users: %w", err)
	}
	for _, v := range verdicts {
		if v.Err != nil || !v.Created {
			return fmt.Errorf("make a user: %+v", v)
		}
	}
	if err := a.store.CreateSessions(ctx, rows); err != nil {
		return fmt.Errorf("make sessions: %w", err)
	}
	return nil
}

// run does everything in the plan, the workers side by side.
func (a *arena) run(ctx context.Context, h *history, by operator) {
	var together, all sync.WaitGroup
	together.Add(workers)
	records := make([][]*record, workers)
	for w := range workers {
		all.Go(func() {
			together.Done()
			together.Wait()
			for i, op := range h.plan[w] {
				r := &record{operation: op, number: w*turns + i, worker: w}
				r.begun = a.now()
				a.do(ctx, h, by, r)
				r.ended = a.now()
				records[w] = append(records[w], r)
			}
		})
	}
	all.Wait()
	for _, rs := range records {
		h.records = append(h.records, rs...)
	}
}

func (a *arena) do(ctx context.Context, h *history, by operator, r *record) {
	id := h.users[r.user].ID
	switch r.kind {
	case kindCall:
		t := h.sessions[r.session].tokens
		r.answer, r.fault = a.client.Attribute(ctx, a.address, harness.Person{Session: t.Session, CSRF: t.CSRF}, h.text(r.code))
		if s := r.answer.Status; r.fault == nil && s != http.StatusOK && s != http.StatusUnauthorized {
			r.fault = fmt.Errorf("status %d %s", s, r.answer.Error)
		}
		if r.answer.Reason == string(referral.ReasonInternalError) {
			r.fault = fmt.Errorf("a healthy store was too slow or failed: %s", r.answer.Reason)
		}
	case kindSetSlug:
		r.said, r.fault = by.setSlug(ctx, id, h.text(r.code))
	case kindDisableSlug:
		r.said, r.fault = by.disableSlug(ctx, id)
	case kindDisableUser:
		r.fault = by.disableUser(ctx, id)
	case kindRevoke:
		r.revoked, r.fault = by.revoke(ctx, id)
	case kindCreateSession:
		// Always through the store: the tokens are part of the plan.
		r.fault = a.store.CreateSessions(ctx, []auth.Session{h.sessions[r.session].row})
	case kindReplayLines:
		r.report, r.fault = by.replayLines(ctx, h.file(r.lines))
	case kindReplayRejected:
		r.report, r.fault = by.replayRejected(ctx, id)
	}
}

// file is the replay file with these lines.
func (h *history) file(chosen []int) string {
	var b strings.Builder
	for _, n := range chosen {
		l := h.lines[n]
		b.Write(referral.FormatLine(referral.Attempt{ID: l.id, User: h.users[l.user].ID, Code: h.text(l.code), At: l.at}))
		b.WriteByte('\n')
	}
	return b.String()
}
