package histories

import (
	"maps"
	"math/bits"

	"github.com/triport/triport-console/internal/referral"
)

// What the operator's side does to the state of the model.

// setSlug returns what is said of it.
func (s *state) setSlug(h *history, user int, c code) string {
	if c.kind == uidCode {
		if c.n == user {
			return saidPermanent
		}
		return saidTaken
	}
	if owner := int(s.slugOwner[c.n]); owner >= 0 && owner != user {
		return saidTaken
	}
	s.disableSlug(h, user)
	s.slugOwner[c.n], s.slugOn[c.n] = int8(user), true
	return h.text(c)
}

func (s *state) disableSlug(h *history, user int) string {
	for n := range slugs {
		if s.slugOn[n] && int(s.slugOwner[n]) == user {
			s.slugOn[n] = false
			return h.text(code{slugCode, n})
		}
	}
	return saidNone
}

// revoke returns how many sessions were in force.
func (s *state) revoke(h *history, user int) int64 {
	var theirs uint64
	for i, one := range h.sessions {
		if one.user == user {
			theirs |= 1 << i
		}
	}
	theirs &= s.created &^ s.revoked
	s.revoked |= theirs
	return int64(bits.OnesCount64(theirs))
}

// look is the first half of a replay of refusals: it reads which there are.
func (s *state) look(h *history, r *record) bool {
	s.admitted |= 1 << r.number
	var n int64
	for _, one := range h.refusals[r.user] {
		if one.order <= int(s.logged) {
			n++
		}
	}
	return r.report.Read == n
}

// replayRefusals is the second half: it decides those that the first one saw, which are the oldest.
func (s *state) replayRefusals(h *history, r *record) bool {
	var attempts []int
	for _, one := range h.refusals[r.user][:r.report.Read] {
		attempts = append(attempts, one.attempt)
	}
	return s.replay(h, attempts, r.report)
}

// replay decides attempts in one transaction, and tells whether that is what was reported and logged.
func (s *state) replay(h *history, attempts []int, reported referral.Report) bool {
	report := referral.Report{Read: int64(len(attempts)), Rejected: make(map[referral.Reason]int64)}
	for _, a := range attempts {
		if !s.replayOne(h, a, &report) {
			return false
		}
	}
	return report.Read == reported.Read && report.Attributed == reported.Attributed &&
		report.Unchanged == reported.Unchanged && reported.Malformed == 0 && maps.Equal(report.Rejected, reported.Rejected)
}

func (s *state) replayOne(h *history, attempt int, report *referral.Report) bool {
	user, c, _ := h.attempt(attempt)
	before := s.refused[attempt]
	v := s.decide(h, user, c, h.tooOld(attempt))
	already := v.reason == referral.ReasonAlreadyAttributed
	switch {
	case v.attributed:
		report.Attributed++
		s.referrer[user] = int8(v.owner)
		s.linkedBy[user] = s.logged + 1
		if before.order > 0 {
			s.linkedBy[user] = before.order
		}
	case s.signedUp>>attempt&1 == 1:
		report.Unchanged++
	case already && before.order > 0 && s.linkedBy[user] > before.order:
		// It was refused before a later attempt of a replay linked its user: so it counts.
		report.Rejected[before.reason.word()]++
	case already:
		report.Unchanged++
	default:
		report.Rejected[v.reason]++
	}
	if !v.attributed && before.order > 0 {
		return true // its refusal is in the log
	}
	return s.write(h, attempt, v, referral.SourceReplay)
}
