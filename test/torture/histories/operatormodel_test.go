package histories

import (
	"maps"
	"math/bits"

	"github.com/triport/triport-console/internal/referral"
)

// The operator commands of the model.

// setSlug returns the result.
func (s *state) setSlug(h *history, user int, c code) string {
	if c.kind == uidCode {
		if c.n == user {
			return resultPermanent
		}
		return resultTaken
	}
	if owner := int(s.slugOwner[c.n]); owner >= 0 && owner != user {
		return resultTaken
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
	return resultNone
}

// revoke returns the number of valid sessions.
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

// readRejections is the first half of a replay of rejections: it reads the audit log.
func (s *state) readRejections(h *history, r *record) bool {
	s.admitted |= 1 << r.number
	var n int64
	for _, one := range h.rejections[r.user] {
		if one.order <= int(s.logged) {
			n++
		}
	}
	return r.report.Read == n
}

// replayRejections is the second half: it decides the oldest rejections, as many as the first half has read.
func (s *state) replayRejections(h *history, r *record) bool {
	var attempts []int
	for _, one := range h.rejections[r.user][:r.report.Read] {
		attempts = append(attempts, one.attempt)
	}
	return s.replay(h, attempts, r.report)
}

// replay decides attempts in one transaction. It reports whether the result equals the report and the log.
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
	before := s.rejected[attempt]
	d := s.decide(h, user, c, h.tooOld(attempt))
	already := d.reason == referral.ReasonAlreadyAttributed
	switch {
	case d.attributed:
		report.Attributed++
		s.referrer[user] = int8(d.owner)
		s.attributedBy[user], s.attributedAt[user] = s.logged+1, s.logged+1
		if before.order > 0 {
			s.attributedBy[user] = before.order
		}
	case s.signedUp>>attempt&1 == 1:
		report.Unchanged++
	case already && before.order > 0 && s.attributor(h, user, before) > before.order:
		// It was rejected before a later replayed attempt attributed its user, so it counts.
		report.Rejected[before.reason.reason()]++
	case already:
		report.Unchanged++
	case before.order > 0:
		report.Rejected[before.reason.reason()]++ // as it was recorded
	default:
		report.Rejected[d.reason]++
	}
	if !d.attributed && before.order > 0 {
		return true // its rejection is in the log
	}
	return s.write(h, attempt, d, referral.SourceReplay)
}

// attributor returns what the order of a rejection is compared with. A replay's rejections are in the order of its file,
// so the signup itself counts for them.
func (s *state) attributor(h *history, user int, before rejection) int16 {
	if h.log[before.order-1].source == string(referral.SourceReplay) {
		return s.attributedAt[user]
	}
	return s.attributedBy[user]
}
