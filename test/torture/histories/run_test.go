package histories

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

// record is an executed operation with its times and its result.
type record struct {
	operation
	number         int // of the attempt of a call
	worker         int
	started, ended int64
	answer         harness.Answer  // of a call
	result         string          // of a slug command
	revoked        int64           // sessions
	report         referral.Report // of a replay
	err            error           // fails the history
}

// runner runs histories against one server and its database.
type runner struct {
	address string
	client  *harness.Client
	store   *storeOperator
	command *commandOperator
	start   time.Time
}

func (x *runner) now() int64 { return int64(time.Since(x.start)) }

// prepare creates the users of a history, each with a session.
func (x *runner) prepare(ctx context.Context, h *history) error {
	var users []auth.ImportUser
	var rows []auth.Session
	for i, u := range h.users {
		users = append(users, auth.ImportUser{ID: u.ID, UserChange: auth.UserChange{Email: &u.Email}, CreatedAt: u.CreatedAt})
		rows = append(rows, h.sessions[i].row)
	}
	results, err := x.store.ImportUsers(ctx, users, func() (string, error) { return "", fmt.Errorf("every user has an id") }, now())
	if err != nil {
		return fmt.Errorf("create users: %w", err)
	}
	for _, v := range results {
		if v.Err != nil || !v.Created {
			return fmt.Errorf("create a user: %+v", v)
		}
	}
	if err := x.store.CreateSessions(ctx, rows); err != nil {
		return fmt.Errorf("create sessions: %w", err)
	}
	return nil
}

// run runs the plan. The workers run concurrently.
func (x *runner) run(ctx context.Context, h *history, by operator) {
	var ready, all sync.WaitGroup
	ready.Add(workers)
	records := make([][]*record, workers)
	for w := range workers {
		all.Go(func() {
			ready.Done()
			ready.Wait()
			for i, op := range h.plan[w] {
				r := &record{operation: op, number: w*turns + i, worker: w}
				r.started = x.now()
				x.do(ctx, h, by, r)
				r.ended = x.now()
				records[w] = append(records[w], r)
			}
		})
	}
	all.Wait()
	for _, rs := range records {
		h.records = append(h.records, rs...)
	}
}

func (x *runner) do(ctx context.Context, h *history, by operator, r *record) {
	id := h.users[r.user].ID
	switch r.kind {
	case kindCall:
		t := h.sessions[r.session].tokens
		r.answer, r.err = x.client.Attribute(ctx, x.address, harness.User{Session: t.Session, CSRF: t.CSRF}, h.text(r.code))
		if s := r.answer.Status; r.err == nil && s != http.StatusOK && s != http.StatusUnauthorized {
			r.err = fmt.Errorf("status %d %s", s, r.answer.Error)
		}
		if r.answer.Reason == string(referral.ReasonInternalError) {
			r.err = fmt.Errorf("the store failed or was too slow: %s", r.answer.Reason)
		}
	case kindSetSlug:
		r.result, r.err = by.setSlug(ctx, id, h.text(r.code))
	case kindDisableSlug:
		r.result, r.err = by.disableSlug(ctx, id)
	case kindDisableUser:
		r.err = by.disableUser(ctx, id)
	case kindEnableUser:
		r.err = by.enableUser(ctx, id)
	case kindRevoke:
		r.revoked, r.err = by.revoke(ctx, id)
	case kindCreateSession:
		// The commands choose tokens themselves; the plan needs its own.
		r.err = x.store.CreateSessions(ctx, []auth.Session{h.sessions[r.session].row})
		if errors.Is(r.err, auth.ErrDisabled) {
			r.result, r.err = resultDisabled, nil
		}
	case kindReplayLines:
		r.report, r.err = by.replayLines(ctx, h.file(r.lines))
	case kindReplayRejected:
		r.report, r.err = by.replayRejected(ctx, id)
	}
}

// file returns a replay file with these lines.
func (h *history) file(chosen []int) string {
	var b strings.Builder
	for _, n := range chosen {
		l := h.lines[n]
		b.Write(referral.FormatLine(referral.Attempt{ID: l.id, User: h.users[l.user].ID, Code: referral.ParsePresentedCode(h.text(l.code)), At: l.at}))
		b.WriteByte('\n')
	}
	return b.String()
}
