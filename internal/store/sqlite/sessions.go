package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectSession = `
SELECT csrf_hash, user_id, created_at, expires_at, revoked_at FROM sessions WHERE token_hash = ?1`

// FindSession implements auth.SessionStore. ctx bounds it, whatever the disk does.
func (s *Store) FindSession(ctx context.Context, token auth.Hash) (auth.Session, error) {
	return resultOf(ctx, s.ReadShared, func(c *engine.Conn) (auth.Session, error) {
		n := auth.Session{Token: token}
		err := c.Query(selectSession, token[:]).Get(auth.ErrNotFound, n.CSRF[:], (*engine.ID)(&n.UserID),
			&n.CreatedAt, &n.ExpiresAt, (*engine.NullTime)(&n.RevokedAt))
		return n, err
	})
}

// CreateSessions adds all sessions or, on an error, none. The error wraps auth.ErrDisabled if a user is disabled:
// a lookup reads no user, because disabling one revokes the sessions.
func (s *Store) CreateSessions(ctx context.Context, sessions []auth.Session) error {
	_, err := resultsOf(ctx, s, sessions, func(c *engine.Conn, n auth.Session) (int64, error) {
		user := engine.EncodeID(n.UserID)
		disabled, err := c.Query(`SELECT 1 FROM users WHERE id = ?1 AND disabled_at IS NOT NULL`, user).Exists()
		if err == nil && disabled {
			err = fmt.Errorf("user %s: %w", n.UserID, auth.ErrDisabled)
		}
		if err != nil {
			return 0, err
		}
		return c.Exec(`
INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at, revoked_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
			n.Token[:], user, n.CSRF[:], n.CreatedAt.UnixMicro(), n.ExpiresAt.UnixMicro(), engine.Micros(n.RevokedAt))
	})
	return err
}

// RevokeSessions revokes a user's sessions from the next request on, and returns how many were not revoked before.
// Expired ones are revoked too: the clock may be wrong.
func (s *Store) RevokeSessions(ctx context.Context, userID string, now time.Time) (revoked int64, err error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (int64, error) { return revokeSessions(c, userID, now) })
}

const revokeUserSessions = `UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL`

func revokeSessions(c *engine.Conn, userID string, now time.Time) (int64, error) {
	return c.Exec(revokeUserSessions, engine.EncodeID(userID), now.UnixMicro())
}
