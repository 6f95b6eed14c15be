package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/triport/triport-console/internal/auth"
)

const selectSession = `
SELECT s.csrf_hash, s.user_id, s.created_at, s.expires_at, s.revoked_at, u.disabled_at IS NOT NULL
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = ?1`

// FindSession implements auth.SessionStore. It waits no longer than ctx, whatever the disk does.
func (s *Store) FindSession(ctx context.Context, token auth.Hash) (auth.Session, error) {
	l := &lookup{token: token, done: make(chan struct{})}
	s.lookups.start(s)
	select {
	case s.lookups.queue <- l:
	case <-s.closed:
		return auth.Session{}, ErrClosed
	case <-ctx.Done():
		return auth.Session{}, fmt.Errorf("wait for a look-up: %w", ctx.Err())
	}
	select {
	case <-l.done:
		return l.session, l.err
	case <-s.closed:
		return auth.Session{}, ErrClosed
	case <-ctx.Done():
		return auth.Session{}, fmt.Errorf("wait for a look-up: %w", ctx.Err())
	}
}

// CreateSessions adds sessions, all of them or, on an error, none.
func (s *Store) CreateSessions(ctx context.Context, sessions []auth.Session) error {
	return s.writeBulk(ctx, func(c *conn) error {
		for _, n := range sessions {
			_, err := c.exec(`
INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
				n.Token[:], n.UserID, n.CSRF[:], n.CreatedAt.UnixMicro(), n.ExpiresAt.UnixMicro(), micros(n.RevokedAt))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// RevokeSessions ends all of a user's sessions that are in force, from the next request on, and
// returns how many there were.
func (s *Store) RevokeSessions(ctx context.Context, userID string, now time.Time) (revoked int64, err error) {
	err = s.write(ctx, func(c *conn) error {
		revoked, err = c.exec(`
UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?2`, userID, now.UnixMicro())
		return err
	})
	return revoked, err
}
