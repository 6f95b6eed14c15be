package referral

import (
	"time"

	"github.com/triport/triport-console/internal/auth"
)

// Inspection is what support needs: who referred a user, when, with which code, and why not.
type Inspection struct {
	User         auth.User
	Codes        []Code // the uid code first, then slugs, newest first
	ReferredBy   *Referrer
	InviteeCount int64
	Invitees     []Invitee // newest first
	Events       []Event   // newest first
}

// Referrer is the user that the inspected user is attributed to.
type Referrer struct {
	UserID       string
	DisplayName  string
	Code         string
	AttributedAt time.Time
	AttemptID    string
}

// Invitee is a user attributed to the inspected user.
type Invitee struct {
	UserID       string
	DisplayName  string
	Code         string
	AttributedAt time.Time
}
