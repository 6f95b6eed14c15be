package histories

import (
	"fmt"
	"net/http"

	"github.com/anishathalye/porcupine"

	"github.com/triport/triport-console/internal/referral"
)

// The model says what must come of doing one thing at a time. It shares no code with the program: the
// rules are written down a second time, from the documentation.

// state is the world of a history. Two are the same exactly when == says so.
type state struct {
	referrer  [maxUsers]int8  // -1: none
	linkedBy  [maxUsers]int16 // the first event of the replayed attempt that linked the user; 0: not replayed
	disabled  [maxUsers]bool
	slugOwner [slugs]int8 // -1: it never existed
	slugOn    [slugs]bool
	created   uint64 // sessions
	revoked   uint64
	admitted  uint64 // calls past the look at their session, and replays past the look at the log
	refused   [maxAttempts]refusal
	signedUp  uint64 // attempts
	logged    int16  // events so far
}

type refusal struct {
	order  int16 // of the event; 0: the attempt was not refused
	reason reason
}

// reason is a referral.Reason by its place, for a state that is compared often must be small.
type reason int8

func reasonOf(r referral.Reason) reason {
	for i, known := range referral.Reasons {
		if known == r {
			return reason(i)
		}
	}
	panic("no such reason: " + r)
}

func (r reason) word() referral.Reason { return referral.Reasons[r] }

// step is a thing that happens at one moment: an operation, or one half of it.
type step struct {
	h      *history
	record *record
	first  bool // the look that comes before the act, where an operation has both
}

// operations are the steps of the history, in the form of the checker.
func (h *history) operations() []porcupine.Operation {
	var ops []porcupine.Operation
	add := func(r *record, first bool) {
		ops = append(ops, porcupine.Operation{
			ClientId: r.worker, Input: &step{h, r, first}, Call: r.begun, Return: r.ended,
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

// model is the sequential world in which a history begins.
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

// apply takes the step, and tells whether what was answered and logged is what it brings.
func (st *step) apply(s *state) bool {
	h, r := st.h, st.record
	switch r.kind {
	case kindCall:
		if st.first {
			return s.admit(h, r)
		}
		return s.admitted>>r.number&1 == 1 && s.call(h, r)
	case kindSetSlug:
		return r.said == s.setSlug(h, r.user, r.code)
	case kindDisableSlug:
		return r.said == s.disableSlug(h, r.user)
	case kindDisableUser:
		s.disabled[r.user] = true
		return true
	case kindRevoke:
		return r.revoked == s.revoke(h, r.user)
	case kindCreateSession:
		s.created |= 1 << r.session
		return true
	case kindReplayLines:
		var attempts []int
		for _, n := range r.lines {
			attempts = append(attempts, workers*turns+n)
		}
		return s.replay(h, attempts, r.report)
	case kindReplayRejected:
		if st.first {
			return s.look(h, r)
		}
		return s.admitted>>r.number&1 == 1 && s.replayRefusals(h, r)
	}
	return false
}

// admit is the look at the session.
func (s *state) admit(h *history, r *record) bool {
	in := s.created>>r.session&1 == 1 && s.revoked>>r.session&1 == 0 && !s.disabled[r.user]
	if !in {
		return r.answer.Status == http.StatusUnauthorized
	}
	s.admitted |= 1 << r.number
	return r.answer.Status == http.StatusOK &&
		(r.code.kind != noCode || r.answer.Reason == string(referral.ReasonNoCookie))
}

// call is the decision of a live attempt.
func (s *state) call(h *history, r *record) bool {
	v := s.decide(h, r.user, r.code, h.users[r.user].old)
	if r.answer.Attributed != v.attributed || r.answer.Reason != string(v.reason) {
		return false
	}
	if v.attributed {
		s.referrer[r.user] = int8(v.owner)
	}
	return s.write(h, r.number, v, referral.SourceLive)
}

// verdict is what the rules say of an attempt.
type verdict struct {
	attributed bool
	reason     referral.Reason
	detail     string
	owner      int // of the code; -1: nobody
}

// decide is the table of reasons.
func (s *state) decide(h *history, user int, c code, old bool) verdict {
	no := func(reason referral.Reason, detail string, owner int) verdict {
		return verdict{reason: reason, detail: detail, owner: owner}
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
	case old:
		return no(referral.ReasonNotEligible, "", owner)
	}
	return verdict{attributed: true, owner: owner}
}

// owner is whose code it is, -1 for nobody's, and whether it is disabled.
func (s *state) owner(c code) (owner int, disabled bool) {
	switch c.kind {
	case uidCode:
		return c.n, false
	case slugCode:
		return int(s.slugOwner[c.n]), !s.slugOn[c.n]
	}
	return -1, false
}

// referredBy tells whether a user was, directly or through others, referred by another.
func (s *state) referredBy(user, by int) bool {
	for range maxUsers {
		if user = int(s.referrer[user]); user < 0 || user == by {
			return user == by
		}
	}
	return false
}

// write adds an attempt's event, where it has one, and tells whether it is the one that stands next in
// the log.
func (s *state) write(h *history, attempt int, v verdict, source referral.Source) bool {
	if !v.attributed && !v.reason.Kept() {
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
		attempt: attempt, user: user, signup: v.attributed, code: h.text(c), referrer: v.owner,
		reason: string(v.reason), detail: v.detail, source: string(source), at: at,
	}
	s.logged++
	if v.attributed {
		s.signedUp |= 1 << attempt
	} else {
		s.refused[attempt] = refusal{s.logged, reasonOf(v.reason)}
	}
	return got == want
}

// attempt finds who attempted what, and when.
func (h *history) attempt(n int) (user int, c code, at int64) {
	if n < workers*turns {
		op := h.plan[n/turns][n%turns]
		return op.user, op.code, h.liveAt(n)
	}
	l := h.lines[n-workers*turns]
	return l.user, l.code, l.at.UnixMicro()
}

// liveAt is the time of a live attempt as the log knows it.
func (h *history) liveAt(n int) int64 {
	for _, e := range h.log {
		if e.attempt == n {
			return e.at
		}
	}
	return 0
}

// tooOld tells whether an attempt came after the user's signup window.
func (h *history) tooOld(attempt int) bool {
	user, _, at := h.attempt(attempt)
	return at-h.users[user].CreatedAt.UnixMicro() > signupWindow.Microseconds()
}
