package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Session is a session in the store.
type Session struct {
	Token     Hash // SHA-256 of the nl_session token
	CSRF      Hash // SHA-256 of the nl_csrf token
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero while the session is not revoked
	// UserDisabled reports whether the account was disabled when the session was looked up.
	UserDisabled bool
}

// validAt is the rule: not revoked, now before the expiry (equal is expired), account enabled.
func (s Session) validAt(now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) && !s.UserDisabled
}

// Tokens are the two secrets of a new session. Only the browser keeps them.
type Tokens struct {
	Session string // the nl_session cookie
	CSRF    string // the nl_csrf cookie
}

// NewSession returns new tokens for the user and the session to store.
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

var (
	// ErrUnauthenticated reports that the cookies have no valid session, or sessions of two users.
	ErrUnauthenticated = errors.New("no valid session")
	// ErrNotFound reports that a session or a user does not exist.
	ErrNotFound = errors.New("not found")
)

// SessionStore is what authentication needs of a store.
type SessionStore interface {
	// FindSession returns the session with that token hash; it sees the changes of other processes. The error is
	// ErrNotFound if there is none; any other means that the store failed.
	FindSession(ctx context.Context, token Hash) (Session, error)
}

// Identity is a signed-in user with the valid sessions of the request.
type Identity struct {
	UserID   string
	sessions []Session
}

// Authenticate returns the user whose valid sessions are among the nl_session cookies. The error is ErrUnauthenticated
// if there is no such user or more than one. Any other error means that the store failed, which must not sign users
// out. One failed look-up fails the call: that session may be another user's.
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
