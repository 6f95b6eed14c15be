package sqlite

import (
	"context"
	"time"

	"github.com/triport/triport-console/internal/referral"
)

const codeColumns = `code, kind, user_id, created_at, disabled_at`

func scanCode(r row) referral.Code {
	return referral.Code{Code: r.text(0), Kind: referral.CodeKind(r.text(1)), UserID: r.text(2), CreatedAt: r.time(3), DisabledAt: r.time(4)}
}

func findCode(c *conn, code string) (*referral.Code, error) {
	var found *referral.Code
	_, err := c.one(func(r row) {
		code := scanCode(r)
		found = &code
	}, `SELECT `+codeColumns+` FROM codes WHERE code = ?1`, code)
	return found, err
}

const disableActiveSlug = `UPDATE codes SET disabled_at = ?2 WHERE user_id = ?1 AND kind = 'custom' AND disabled_at IS NULL`

// SetSlug makes a canonical code the user's one active slug and disables the one before. It may be an
// earlier slug of the same user. The error is that of referral.CheckSlug.
func (s *Store) SetSlug(ctx context.Context, userID, slug string, now time.Time) (referral.Code, error) {
	var set referral.Code
	err := s.write(ctx, func(c *conn) error {
		existing, err := findCode(c, slug)
		if err != nil {
			return err
		}
		if err := referral.CheckSlug(slug, userID, existing); err != nil {
			return err
		}
		if existing != nil && existing.DisabledAt.IsZero() {
			set = *existing
			return nil
		}
		if _, err := c.exec(disableActiveSlug, userID, now.UnixMicro()); err != nil {
			return err
		}
		if existing != nil {
			set = *existing
			set.DisabledAt = time.Time{}
			_, err = c.exec(`UPDATE codes SET disabled_at = NULL WHERE code = ?1`, slug)
			return err
		}
		set = referral.Code{Code: slug, Kind: referral.KindCustom, UserID: userID, CreatedAt: now}
		_, err = c.exec(`INSERT INTO codes (code, user_id, kind, created_at) VALUES (?1, ?2, 'custom', ?3)`,
			slug, userID, now.UnixMicro())
		return err
	})
	return set, err
}

// DisableSlug disables the user's active slug and returns it. The error is referral.ErrNoSlug when there is none.
func (s *Store) DisableSlug(ctx context.Context, userID string, now time.Time) (referral.Code, error) {
	var disabled referral.Code
	err := s.write(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { disabled = scanCode(r) },
			`SELECT `+codeColumns+` FROM codes WHERE user_id = ?1 AND kind = 'custom' AND disabled_at IS NULL`, userID)
		if err != nil {
			return err
		}
		if !found {
			return referral.ErrNoSlug
		}
		disabled.DisabledAt = now
		_, err = c.exec(disableActiveSlug, userID, now.UnixMicro())
		return err
	})
	return disabled, err
}

// Codes returns all codes a user has or had: the uid code, then slugs, newest first.
func (s *Store) Codes(ctx context.Context, userID string) (codes []referral.Code, err error) {
	err = s.read(ctx, func(c *conn) error {
		codes, err = codesOf(c, userID)
		return err
	})
	return codes, err
}

func codesOf(c *conn, userID string) (codes []referral.Code, err error) {
	err = c.query(func(r row) error {
		codes = append(codes, scanCode(r))
		return nil
	}, `SELECT `+codeColumns+` FROM codes WHERE user_id = ?1 ORDER BY kind = 'uid' DESC, created_at DESC, code`, userID)
	return codes, err
}
