package sqlite

import (
	"database/sql/driver"
	"slices"
	"strconv"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// words are stored as their place in the list, which only grows. 0 is no word.
type words[T ~string] []T

var (
	eventTypes = words[referral.EventType]{"", referral.EventSignup, referral.EventRejected}
	sources    = words[referral.Source]{"", referral.SourceLive, referral.SourceSpool, referral.SourceReplay}
	reasons    = words[referral.Reason]{
		"", referral.ReasonInvalidCode, referral.ReasonSelfReferral, referral.ReasonUnknownCode,
		referral.ReasonReferralCycle, referral.ReasonNotEligible,
	}
	details = words[string]{
		"", referral.DetailNoSuchCode, referral.DetailCodeDisabled, referral.DetailOwnerDisabled,
		referral.DetailInviteeDisabled,
	}
)

// number is NULL for no word.
func (w words[T]) number(word T) driver.Value {
	if word == "" {
		return nil
	}
	return int64(slices.Index(w, word))
}

// word returns a number that it does not know as its digits: a newer program may have written it.
func (w words[T]) word(n engine.NullInt) T {
	if n < 0 || int64(n) >= int64(len(w)) {
		return T(strconv.FormatInt(int64(n), 10))
	}
	return w[n]
}
