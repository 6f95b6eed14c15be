package referral

import (
	"time"

	"github.com/triport/triport-console/internal/auth"
)

// Inspection is what support needs: who referred a user, when, with which code, and why not.
type Inspection struct {
	User         auth.User
	Codes        []Code // the uid code first, then slugs, newest first
	ReferredBy   *Relation
	InviteeCount int64
	Invitees     []Relation // newest first
	Events       []Event    // newest first
}

// Relation is an attribution as the inspected user sees it: the other user and how they are linked.
type Relation struct {
	UserID, DisplayName, Code string
	AttributedAt              time.Time
	AttemptID                 string
}
