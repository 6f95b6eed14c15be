package histories

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// The sizes of a history. Users and codes are few, so operations collide. Operations are few enough to try
// every order.
const (
	minUsers, maxUsers = 3, 5
	slugs              = 3
	lines              = 5
	workers            = 6
	turns              = 5 // of each worker
	maxSessions        = maxUsers + workers*turns
	maxAttempts        = workers*turns + lines
)

// signupWindow is the maximum age of an account that can be attributed.
const signupWindow = 24 * time.Hour

type kind string

const (
	kindCall           kind = "attribute"
	kindSetSlug        kind = "code set"
	kindDisableSlug    kind = "code disable"
	kindDisableUser    kind = "user disable"
	kindEnableUser     kind = "user enable"
	kindRevoke         kind = "session revoke"
	kindCreateSession  kind = "session create"
	kindReplayLines    kind = "replay lines"
	kindReplayRejected kind = "replay rejected"
)

// weights are the frequencies of the kinds.
var weights = []struct {
	kind   kind
	weight int
}{
	{kindCall, 54}, {kindSetSlug, 14}, {kindDisableSlug, 5}, {kindDisableUser, 3}, {kindEnableUser, 2},
	{kindRevoke, 4}, {kindCreateSession, 5}, {kindReplayLines, 8}, {kindReplayRejected, 8},
}

// codeKind is the kind of a presented value.
type codeKind int

const (
	noCode codeKind = iota
	uidCode
	slugCode
	unknownCode
	malformedCode
)

// code is a presented value: the uid code of user n, or slug n.
type code struct {
	kind codeKind
	n    int
}

// operation is one planned operation.
type operation struct {
	kind    kind
	user    int
	session int   // of a call, or the one to create
	code    code  // of a call, or the slug to set
	lines   []int // to replay, in this order
}

type account struct {
	auth.User
	uid string
	old bool // after the signup window
}

// line is a line of a replay file.
type line struct {
	user int
	code code
	at   time.Time
	id   string // if empty, derived from the other fields
}

// history is a plan and its results.
type history struct {
	number   int
	users    []account
	sessions []session
	lines    []line
	plan     [workers][]operation

	records []*record
	log     []event
	// rejections are the rejected attempts of each user, in the order of the log.
	rejections [maxUsers][]rejectedAttempt
}

type session struct {
	user   int
	tokens auth.Tokens
	row    auth.Session
}

// newHistory generates the plan from one seed, and ids and tokens, which must be new, from another.
func newHistory(number int, plan, fresh *rand.Rand, now time.Time) *history {
	h := &history{number: number}
	for range minUsers + plan.IntN(maxUsers-minUsers+1) {
		h.addUser(plan.IntN(6) == 0, fresh, now)
	}
	for u := range h.users {
		h.addSession(u, fresh, now)
	}
	for i := range lines {
		l := line{user: plan.IntN(len(h.users)), code: h.randomCode(plan), at: now}
		if l.code.kind == noCode {
			l.code = code{kind: unknownCode}
		}
		if plan.IntN(2) == 0 {
			l.at = h.users[l.user].CreatedAt.Add(time.Minute)
		}
		l.at = l.at.Add(time.Duration(i) * time.Microsecond) // lines without an id must differ
		if plan.IntN(2) == 0 {
			l.id = fmt.Sprintf("line-%d-%d", number, i)
		}
		h.lines = append(h.lines, l)
	}
	for w := range h.plan {
		for range turns {
			h.plan[w] = append(h.plan[w], h.randomOperation(plan, fresh, now))
		}
	}
	return h
}

func (h *history) addUser(old bool, fresh *rand.Rand, now time.Time) {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(fresh.Uint32())
	}
	created := now.Add(-time.Hour)
	if old {
		created = now.Add(-1000 * time.Hour)
	}
	h.users = append(h.users, account{
		User: auth.User{ID: id.String(), Email: fmt.Sprintf("h%d-%d@example.com", h.number, len(h.users)), CreatedAt: created},
		uid:  referral.UIDCode(id.String(), referral.UIDCodeLength), old: old,
	})
}

func (h *history) addSession(user int, fresh *rand.Rand, now time.Time) int {
	tokens, row, err := auth.NewSession(reader{fresh}, h.users[user].ID, now, time.Hour)
	if err != nil {
		panic(err) // the reader never fails
	}
	h.sessions = append(h.sessions, session{user, tokens, row})
	return len(h.sessions) - 1
}

// reader is a source of random bytes.
type reader struct{ *rand.Rand }

func (r reader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

func (h *history) randomOperation(plan, fresh *rand.Rand, now time.Time) operation {
	op := operation{kind: randomKind(plan), user: plan.IntN(len(h.users))}
	switch op.kind {
	case kindCall:
		op.session = plan.IntN(len(h.sessions))
		op.user = h.sessions[op.session].user
		op.code = h.randomCode(plan)
	case kindCreateSession:
		op.session = h.addSession(op.user, fresh, now)
	case kindSetSlug:
		op.code = code{slugCode, plan.IntN(slugs)}
		if plan.IntN(10) == 0 {
			op.code = code{uidCode, plan.IntN(len(h.users))}
		}
	case kindReplayLines:
		for range 1 + plan.IntN(3) {
			op.lines = append(op.lines, plan.IntN(lines))
		}
	}
	return op
}

func randomKind(plan *rand.Rand) kind {
	sum := 0
	for _, w := range weights {
		sum += w.weight
	}
	n := plan.IntN(sum)
	for _, w := range weights {
		if n -= w.weight; n < 0 {
			return w.kind
		}
	}
	panic("unreachable: n is less than the sum")
}

func (h *history) randomCode(plan *rand.Rand) code {
	switch n := plan.IntN(20); {
	case n < 9:
		return code{uidCode, plan.IntN(len(h.users))}
	case n < 17:
		return code{slugCode, plan.IntN(slugs)}
	case n < 18:
		return code{kind: unknownCode}
	case n < 19:
		return code{kind: malformedCode}
	}
	return code{kind: noCode}
}

// text returns the presented value.
func (h *history) text(c code) string {
	switch c.kind {
	case uidCode:
		return h.users[c.n].uid
	case slugCode:
		return fmt.Sprintf("slug-%d-%d", h.number, c.n)
	case unknownCode:
		return fmt.Sprintf("unknown-%d", h.number)
	case malformedCode:
		return "not_a_code"
	}
	return ""
}
