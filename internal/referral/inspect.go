package referral

import (
	"time"

	"github.com/triport/triport-console/internal/auth"
)

// Inspection is what support needs to answer who referred a user, when, through what, and why not.
type Inspection struct {
	User         auth.User
	Codes        []Code // the uid code first, then slugs, newest first
	ReferredBy   *Referrer
	InviteeCount int64
	Invitees     []Invitee // newest first
	Events       []Event   // newest first
}

// Referrer is whom a user is attributed to.
type Referrer struct {
	UserID       string
	DisplayName  string
	Code         string
	AttributedAt time.Time
	AttemptID    string
}

// Invitee is a user attributed to the one inspected.
type Invitee struct {
	UserID       string
	DisplayName  string
	Code         string
	AttributedAt time.Time
}
