package sqlite

import (
	"context"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectCode = `
SELECT c.code, CASE c.kind WHEN 1 THEN 'uid' ELSE 'custom' END, u.id, c.created_at, c.disabled_at
FROM codes c JOIN users u ON u.n = c.owner `

func codeColumns(c *referral.Code) []any {
	return []any{&c.Code, (*string)(&c.Kind), (*engine.ID)(&c.UserID), &c.CreatedAt, (*engine.NullTime)(&c.DisabledAt)}
}

const (
	whereActiveSlug   = `WHERE c.owner = (SELECT n FROM users WHERE id = ?1) AND c.kind = 2 AND c.disabled_at IS NULL`
	disableActiveSlug = `UPDATE codes AS c SET disabled_at = ?2 ` + whereActiveSlug
)

// SetSlug makes a canonical code the user's one active slug, also an earlier one. The error is referral.CheckSlug's.
func (s *Store) SetSlug(ctx context.Context, userID, slug string, now time.Time) (referral.Code, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (referral.Code, error) {
		return setSlug(c, userID, slug, now)
	})
}

func setSlug(c *engine.Conn, userID, slug string, now time.Time) (referral.Code, error) {
	var code referral.Code
	found, err := c.Query(selectCode+`WHERE c.code = ?1`, slug).One(codeColumns(&code)...)
	if err != nil {
		return code, err
	}
	var existing *referral.Code
	if found {
		existing = &code
	}
	if err := referral.CheckSlug(slug, userID, existing); err != nil {
		return code, err
	}
	if found && code.DisabledAt.IsZero() {
		return code, nil
	}
	if _, err := c.Exec(disableActiveSlug, engine.EncodeID(userID), now.UnixMicro()); err != nil {
		return code, err
	}
	if !found {
		code = referral.Code{Code: slug, Kind: referral.KindCustom, UserID: userID, CreatedAt: now}
	}
	code.DisabledAt = time.Time{}
	_, err = c.Exec(`INSERT INTO codes (code, owner, kind, created_at) VALUES (?1, (SELECT n FROM users WHERE id = ?2), 2, ?3)
ON CONFLICT (code) DO UPDATE SET disabled_at = NULL`, slug, engine.EncodeID(userID), now.UnixMicro())
	return code, err
}

// DisableSlug disables the active slug. The error is referral.ErrNoSlug if there is none.
func (s *Store) DisableSlug(ctx context.Context, userID string, now time.Time) (referral.Code, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (code referral.Code, err error) {
		err = c.Query(selectCode+whereActiveSlug, engine.EncodeID(userID)).Get(referral.ErrNoSlug, codeColumns(&code)...)
		if err == nil {
			code.DisabledAt = now
			_, err = c.Exec(disableActiveSlug, engine.EncodeID(userID), now.UnixMicro())
		}
		return code, err
	})
}

// Codes returns all codes a user has or had: the uid code, then slugs, newest first.
func (s *Store) Codes(ctx context.Context, userID string) ([]referral.Code, error) {
	return resultOf(ctx, s.Read, func(c *engine.Conn) ([]referral.Code, error) {
		n, err := findNumber(c, userID)
		if err != nil {
			return nil, err
		}
		return codesOf(c, n)
	})
}

const (
	whereUID    = `WHERE c.owner = ?1 AND c.kind = 1`
	whereCustom = `WHERE c.owner = ?1 AND c.kind = 2 ORDER BY c.created_at DESC, c.code`
)

// codesOf names each kind: an index has only one.
func codesOf(c *engine.Conn, user int64) ([]referral.Code, error) {
	uid, err := scanAll(c.Query(selectCode+whereUID, user), codeColumns)
	if err != nil {
		return nil, err
	}
	custom, err := scanAll(c.Query(selectCode+whereCustom, user), codeColumns)
	return append(uid, custom...), err
}
