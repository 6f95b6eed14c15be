package histories

import (
	"fmt"
	"net/http"

	"github.com/anishathalye/porcupine"

	"github.com/triport/triport-console/internal/referral"
)

// The model runs one operation at a time. It shares no code with the program: its rules are written from
// the documentation.

// state is compared with ==.
type state struct {
	referrer     [maxUsers]int8  // -1 means none
	attributedBy [maxUsers]int16 // first event of the replayed attempt that attributed the user; 0 means not replayed
	attributedAt [maxUsers]int16 // event of that signup; 0 means not replayed
	disabled     [maxUsers]bool
	slugOwner    [slugs]int8 // -1 means it never existed
	slugOn       [slugs]bool
	created      uint64 // sessions
	revoked      uint64
	admitted     uint64 // calls after the session check, and replays after reading the log
	rejected     [maxAttempts]rejection
	signedUp     uint64 // attempts
	logged       int16  // events so far
}

type rejection struct {
	order  int16 // of the event; 0 means not rejected
	reason reason
}

// reason is an index into referral.Reasons: the state must be small because it is compared often.
type reason int8

func reasonOf(r referral.Reason) reason {
	for i, known := range referral.Reasons {
		if known.Reason == r {
			return reason(i)
		}
	}
	panic("no such reason: " + r)
}

func (r reason) reason() referral.Reason { return referral.Reasons[r].Reason }

// step happens at one moment: an operation, or one half of it.
type step struct {
	h      *history
	record *record
	first  bool // the first half of an operation that has two
}

// operations returns the steps of the history for the checker.
func (h *history) operations() []porcupine.Operation {
	var ops []porcupine.Operation
	add := func(r *record, first bool) {
		ops = append(ops, porcupine.Operation{
			ClientId: r.worker, Input: &step{h, r, first}, Call: r.started, Return: r.ended,
		})
	}
	for _, r := range h.records {
		switch r.kind {
		case kindCall:
			add(r, true)
			if r.answer.Status == http.StatusOK && r.code.kind != noCode {
				add(r, false)
			}
		case kindReplayRejected:
			add(r, true)
			if r.report.Read > 0 {
				add(r, false)
			}
		default:
			add(r, false)
		}
	}
	return ops
}

// model returns the state in which a history begins, and its transitions.
func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			s := state{created: 1<<len(h.users) - 1} // the first session of each
			for i := range s.referrer {
				s.referrer[i] = -1
			}
			for i := range s.slugOwner {
				s.slugOwner[i] = -1
			}
			return s
		},
		Step: func(before, input, _ any) (bool, any) {
			s := before.(state)
			ok := input.(*step).apply(&s)
			return ok, s
		},
		DescribeOperation: func(input, _ any) string {
			st := input.(*step)
			return fmt.Sprintf("%s (first half: %v)", st.h.describe(st.record), st.first)
		},
	}
}

// apply runs the step. It reports whether its result equals what was answered and logged.
func (st *step) apply(s *state) bool {
	h, r := st.h, st.record
	switch r.kind {
	case kindCall:
		if st.first {
			return s.admit(h, r)
		}
		return s.admitted>>r.number&1 == 1 && s.call(h, r)
	case kindSetSlug:
		return r.result == s.setSlug(h, r.user, r.code)
	case kindDisableSlug:
		return r.result == s.disableSlug(h, r.user)
	case kindDisableUser:
		s.disabled[r.user] = true
		s.revoke(h, r.user)
		return true
	case kindEnableUser:
		s.disabled[r.user] = false
		return true
	case kindRevoke:
		return r.revoked == s.revoke(h, r.user)
	case kindCreateSession:
		if s.disabled[r.user] {
			return r.result == resultDisabled
		}
		s.created |= 1 << r.session
		return r.result == ""
	case kindReplayLines:
		var attempts []int
		for _, n := range r.lines {
			attempts = append(attempts, workers*turns+n)
		}
		return s.replay(h, attempts, r.report)
	case kindReplayRejected:
		if st.first {
			return s.readRejections(h, r)
		}
		return s.admitted>>r.number&1 == 1 && s.replayRejections(h, r)
	}
	return false
}

// admit is the session check.
func (s *state) admit(h *history, r *record) bool {
	valid := s.created>>r.session&1 == 1 && s.revoked>>r.session&1 == 0 && !s.disabled[r.user]
	if !valid {
		return r.answer.Status == http.StatusUnauthorized
	}
	s.admitted |= 1 << r.number
	return r.answer.Status == http.StatusOK &&
		(r.code.kind != noCode || r.answer.Reason == string(referral.ReasonNoCookie))
}

// call is the decision of a live attempt.
func (s *state) call(h *history, r *record) bool {
	d := s.decide(h, r.user, r.code, h.users[r.user].old)
	if r.answer.Attributed != d.attributed || r.answer.Reason != string(d.reason) {
		return false
	}
	if d.attributed {
		s.referrer[r.user] = int8(d.owner)
	}
	return s.write(h, r.number, d, referral.SourceLive)
}

// decision is the result of an attempt.
type decision struct {
	attributed bool
	reason     referral.Reason
	detail     string
	owner      int // of the code; -1 means none
}

// decide is the table of reasons.
func (s *state) decide(h *history, user int, c code, old bool) decision {
	no := func(reason referral.Reason, detail string, owner int) decision {
		return decision{reason: reason, detail: detail, owner: owner}
	}
	owner, disabled := s.owner(c)
	switch {
	case s.referrer[user] >= 0:
		return no(referral.ReasonAlreadyAttributed, "", -1)
	case c.kind == malformedCode:
		return no(referral.ReasonInvalidCode, "", -1)
	case owner < 0:
		return no(referral.ReasonUnknownCode, referral.DetailNoSuchCode, -1)
	case owner == user:
		return no(referral.ReasonSelfReferral, "", owner)
	case disabled:
		return no(referral.ReasonUnknownCode, referral.DetailCodeDisabled, owner)
	case s.disabled[owner]:
		return no(referral.ReasonUnknownCode, referral.DetailOwnerDisabled, owner)
	case s.referredBy(owner, user):
		return no(referral.ReasonReferralCycle, "", owner)
	case s.disabled[user]:
		return no(referral.ReasonNotEligible, referral.DetailInviteeDisabled, owner)
	case old:
		return no(referral.ReasonNotEligible, "", owner)
	}
	return decision{attributed: true, owner: owner}
}

// owner returns the owner of a code, -1 if there is none, and whether the code is disabled.
func (s *state) owner(c code) (owner int, disabled bool) {
	switch c.kind {
	case uidCode:
		return c.n, false
	case slugCode:
		return int(s.slugOwner[c.n]), !s.slugOn[c.n]
	}
	return -1, false
}

// referredBy reports whether a user was referred by another, directly or through others.
func (s *state) referredBy(user, by int) bool {
	for range maxUsers {
		if user = int(s.referrer[user]); user < 0 || user == by {
			return user == by
		}
	}
	return false
}

// write adds the event of an attempt, if it has one. It reports whether it equals the next event of the log.
func (s *state) write(h *history, attempt int, d decision, source referral.Source) bool {
	if !d.attributed && !d.reason.Audited() {
		return true
	}
	if int(s.logged) == len(h.log) {
		return false
	}
	user, c, at := h.attempt(attempt)
	got := h.log[s.logged]
	if source == referral.SourceLive {
		at = got.at // the server's clock
	}
	want := event{
		attempt: attempt, user: user, signup: d.attributed, code: h.text(c), referrer: d.owner,
		reason: string(d.reason), detail: d.detail, source: string(source), at: at,
	}
	s.logged++
	if d.attributed {
		s.signedUp |= 1 << attempt
	} else {
		s.rejected[attempt] = rejection{s.logged, reasonOf(d.reason)}
	}
	return got == want
}

// attempt returns the user, the code and the time of an attempt.
func (h *history) attempt(n int) (user int, c code, at int64) {
	if n < workers*turns {
		op := h.plan[n/turns][n%turns]
		return op.user, op.code, h.liveAt(n)
	}
	l := h.lines[n-workers*turns]
	return l.user, l.code, l.at.UnixMicro()
}

// liveAt returns the time of a live attempt in the log.
func (h *history) liveAt(n int) int64 {
	for _, e := range h.log {
		if e.attempt == n {
			return e.at
		}
	}
	return 0
}

// tooOld reports whether an attempt came after the user's signup window.
func (h *history) tooOld(attempt int) bool {
	user, _, at := h.attempt(attempt)
	return at-h.users[user].CreatedAt.UnixMicro() > signupWindow.Microseconds()
}
