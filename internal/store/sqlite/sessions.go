package sqlite

import (
	"context"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectSession = `
SELECT s.csrf_hash, s.user_id, s.created_at, s.expires_at, s.revoked_at, u.disabled_at IS NOT NULL
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = ?1`

// FindSession implements auth.SessionStore. ctx bounds it, whatever the disk does.
func (s *Store) FindSession(ctx context.Context, token auth.Hash) (auth.Session, error) {
	return resultOf(ctx, s.ReadShared, func(c *engine.Conn) (auth.Session, error) {
		n := auth.Session{Token: token}
		err := c.Query(selectSession, token[:]).Get(auth.ErrNotFound, n.CSRF[:], &n.UserID, &n.CreatedAt,
			&n.ExpiresAt, (*engine.NullTime)(&n.RevokedAt), &n.UserDisabled)
		return n, err
	})
}

// CreateSessions adds all sessions or, on an error, none.
func (s *Store) CreateSessions(ctx context.Context, sessions []auth.Session) error {
	_, err := resultsOf(ctx, s, sessions, func(c *engine.Conn, n auth.Session) (int64, error) {
		return c.Exec(`
INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at, revoked_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
			n.Token[:], n.UserID, n.CSRF[:], n.CreatedAt.UnixMicro(), n.ExpiresAt.UnixMicro(), engine.Micros(n.RevokedAt))
	})
	return err
}

// RevokeSessions revokes a user's sessions from the next request on, and returns how many were not revoked before.
// Expired ones are revoked too: the clock may be wrong.
func (s *Store) RevokeSessions(ctx context.Context, userID string, now time.Time) (revoked int64, err error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (int64, error) {
		return c.Exec(`UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL`, userID, now.UnixMicro())
	})
}
