package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Session is a session in the store.
type Session struct {
	Token     Hash // SHA-256 of the nl_session token
	CSRF      Hash // SHA-256 of the nl_csrf token
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
	RevokedAt time.Time // zero while the session is not revoked; disabling the user revokes it
}

// validAt is the rule of validity. A session is expired at ExpiresAt.
func (s Session) validAt(now time.Time) bool {
	return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt)
}

// Tokens are the two secrets of a new session. Only the browser keeps them.
type Tokens struct {
	Session string // the nl_session cookie
	CSRF    string // the nl_csrf cookie
}

// NewSession returns new tokens for the user and the session to store.
func NewSession(random io.Reader, userID string, now time.Time, ttl time.Duration) (Tokens, Session, error) {
	token, err := NewToken(random)
	csrf, csrfErr := NewToken(random)
	if err := cmp.Or(err, csrfErr); err != nil {
		return Tokens{}, Session{}, err
	}
	return Tokens{token, csrf}, Session{
		Token: HashToken(token), CSRF: HashToken(csrf),
		UserID: userID, CreatedAt: now, ExpiresAt: now.Add(ttl),
	}, nil
}

// A token is the base64url of 256 random bits, without padding: 43 of these characters.
const tokenCharacter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Hash is the SHA-256 of a token's text. A store has only hashes: a stolen database cannot sign anyone in.
type Hash [sha256.Size]byte

// NewToken returns a token from random, which must be cryptographically secure.
func NewToken(random io.Reader) (string, error) {
	var raw [256 / 8]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("generate a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// HashToken hashes the text, not its bytes: base64 has several texts for them, and only the issued one is valid.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// isToken reports whether s has the form of a token.
func isToken(s string) bool { return len(s) == 43 && strings.Trim(s, tokenCharacter) == "" }

var (
	// ErrUnauthenticated reports that the cookies have no valid session, or sessions of two users.
	ErrUnauthenticated = errors.New("no valid session")
	// ErrNotFound reports that a session or a user does not exist.
	ErrNotFound = errors.New("not found")
)

// SessionStore is what authentication needs of a store.
type SessionStore interface {
	// FindSession also sees the changes of other processes. ErrNotFound means that there is no such session. Any
	// other error means that the store failed.
	FindSession(ctx context.Context, token Hash) (Session, error)
}

// Identity is a signed-in user with the valid sessions of the request.
type Identity struct {
	UserID   string
	sessions []Session
}

// maxLookups bounds what one request costs the store.
const maxLookups = 8

// Authenticate returns the one user whose valid sessions are among the nl_session cookies, or ErrUnauthenticated. At
// most maxLookups cookies are looked up, the others are not valid. Any other error means that a lookup failed: it must
// not sign users out. The sessions found before do not count: the one not looked up may be another user's.
func Authenticate(ctx context.Context, store SessionStore, cookies []string, now time.Time) (Identity, error) {
	var id Identity
	lookups := 0
	for i, cookie := range cookies {
		if lookups == maxLookups || !isToken(cookie) || slices.Contains(cookies[:i], cookie) {
			continue
		}
		lookups++
		session, err := store.FindSession(ctx, HashToken(cookie))
		switch {
		case errors.Is(err, ErrNotFound), err == nil && !session.validAt(now):
			continue
		case err != nil:
			return Identity{}, fmt.Errorf("look up a session: %w", err)
		case len(id.sessions) > 0 && id.UserID != session.UserID:
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
