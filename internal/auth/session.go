package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Session is a sign-in as the store keeps it.
type Session struct {
	Token     Hash // SHA-256 of the nl_session token
	CSRF      Hash // SHA-256 of the nl_csrf token
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero while the session is in force
	// UserDisabled tells whether the account was disabled when the session was looked up.
	UserDisabled bool
}

// validAt is the rule: not revoked, now before the expiry (equal is expired), and the
// account enabled.
func (s Session) validAt(now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) && !s.UserDisabled
}

// Tokens are the two secrets of a new session, known only to the browser they are given to.
type Tokens struct {
	Session string // the nl_session cookie
	CSRF    string // the nl_csrf cookie
}

// NewSession draws the tokens of a session for the user and returns them with what the store keeps.
func NewSession(random io.Reader, userID string, now time.Time, ttl time.Duration) (Tokens, Session, error) {
	var t Tokens
	var err error
	if t.Session, err = NewToken(random); err != nil {
		return Tokens{}, Session{}, err
	}
	if t.CSRF, err = NewToken(random); err != nil {
		return Tokens{}, Session{}, err
	}
	return t, Session{
		Token: HashToken(t.Session), CSRF: HashToken(t.CSRF),
		UserID: userID, CreatedAt: now, ExpiresAt: now.Add(ttl),
	}, nil
}

// ErrUnauthenticated says that the cookies name no valid session, or those of two users.
var ErrUnauthenticated = errors.New("no valid session")

// SessionStore is what authentication needs of a store.
type SessionStore interface {
	// FindSession returns the session with that token hash, as of now in any process. The error is
	// ErrNotFound when there is none; any other means that the store cannot tell.
	FindSession(ctx context.Context, token Hash) (Session, error)
}

// Identity is a signed-in user with every valid session the request presented.
type Identity struct {
	UserID   string
	sessions []Session
}

// Authenticate finds the one user whose valid sessions are among the nl_session cookies. The error
// is ErrUnauthenticated when there is no such user or more than one; any other error means that the
// store cannot tell, which must never sign anybody out. It fails whole when one look-up fails:
// the session that could not be read may have been another user's.
func Authenticate(ctx context.Context, store SessionStore, cookies []string, now time.Time) (Identity, error) {
	var id Identity
	for i, cookie := range cookies {
		if !isToken(cookie) || slices.Contains(cookies[:i], cookie) {
			continue
		}
		session, err := store.FindSession(ctx, HashToken(cookie))
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Identity{}, fmt.Errorf("look up a session: %w", err)
		}
		if !session.validAt(now) {
			continue
		}
		if len(id.sessions) > 0 && id.UserID != session.UserID {
			return Identity{}, ErrUnauthenticated
		}
		id.UserID = session.UserID
		id.sessions = append(id.sessions, session)
	}
	if len(id.sessions) == 0 {
		return Identity{}, ErrUnauthenticated
	}
	return id, nil
}
