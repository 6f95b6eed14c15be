package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectAccount = `
SELECT u.id, u.email, u.display_name, u.created_at, u.disabled_at, c.code
FROM users u LEFT JOIN codes c ON c.user_id = u.id AND c.kind = 'uid' `

func accountColumns(a *auth.Account) []any {
	return []any{
		&a.User.ID, &a.User.Email, &a.User.DisplayName, &a.User.CreatedAt, (*engine.NullTime)(&a.User.DisabledAt),
		(*engine.NullText)(&a.Code),
	}
}

// CreateUser adds an account and returns its uid code. The error wraps auth.ErrExists if its id or e-mail is taken.
func (s *Store) CreateUser(ctx context.Context, u auth.User) (referral.Code, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (referral.Code, error) {
		taken, err := c.Query(`SELECT 1 FROM users WHERE id = ?1 OR email = ?2`, u.ID, u.Email).Exists()
		if err == nil && taken {
			err = fmt.Errorf("a user with this e-mail address or id %w", auth.ErrExists)
		}
		if err != nil {
			return referral.Code{}, err
		}
		return insertUser(c, u)
	})
}

// insertUser makes a taken code longer.
func insertUser(c *engine.Conn, u auth.User) (referral.Code, error) {
	_, err := c.Exec(`INSERT INTO users (id, email, display_name, created_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
		u.ID, u.Email, u.DisplayName, u.CreatedAt.UnixMicro(), engine.Micros(u.DisabledAt))
	if err != nil {
		return referral.Code{}, err
	}
	for n := referral.UIDCodeLength; n <= referral.MaxCodeLength; n++ {
		code := referral.Code{Code: referral.UIDCode(u.ID, n), Kind: referral.KindUID, UserID: u.ID, CreatedAt: u.CreatedAt}
		added, err := c.Exec(`
INSERT INTO codes (code, user_id, kind, created_at) VALUES (?1, ?2, 'uid', ?3) ON CONFLICT (code) DO NOTHING`,
			code.Code, u.ID, u.CreatedAt.UnixMicro())
		if err != nil || added == 1 {
			return code, err
		}
	}
	return referral.Code{}, fmt.Errorf("no free code for user %s: every prefix of its hash is taken", u.ID)
}

var (
	errEmailElsewhere = errors.New("the e-mail address belongs to an account with another id")
	errIDElsewhere    = errors.New("the id belongs to an account with another e-mail address")
)

// ImportUsers adds missing accounts in one transaction and changes no other. newID fills in an empty ID.
func (s *Store) ImportUsers(
	ctx context.Context, users []auth.User, newID func() (string, error),
) ([]auth.ImportResult, error) {
	return resultsOf(ctx, s, users, func(c *engine.Conn, u auth.User) (auth.ImportResult, error) {
		return importUser(c, u, newID)
	})
}

func importUser(c *engine.Conn, u auth.User, newID func() (string, error)) (result auth.ImportResult, err error) {
	existing, err := scanAll(c.Query(selectAccount+`WHERE u.id = ?1 OR u.email = ?2`, u.ID, u.Email), accountColumns)
	for _, other := range existing {
		switch {
		case other.User.Email != u.Email:
			result.Err = errIDElsewhere
		case u.ID != "" && other.User.ID != u.ID:
			result.Err = errEmailElsewhere
		}
	}
	if err != nil || len(existing) > 0 {
		return result, err
	}
	if u.ID == "" {
		if u.ID, err = newID(); err != nil {
			return result, fmt.Errorf("generate a user id: %w", err)
		}
	}
	_, err = insertUser(c, u)
	return auth.ImportResult{Created: true}, err
}

// Users returns all accounts, oldest first. A read error ends it.
func (s *Store) Users(ctx context.Context) iter.Seq2[auth.Account, error] {
	return stream(ctx, s, func(c *engine.Conn, yield func(auth.Account) error) error {
		return scanEach(c.Query(selectAccount+`ORDER BY u.created_at, u.id`), accountColumns, yield)
	})
}

// Account returns a user with the uid code, or an error that wraps auth.ErrNotFound.
func (s *Store) Account(ctx context.Context, userID string) (auth.Account, error) {
	return resultOf(ctx, s.Read, func(c *engine.Conn) (auth.Account, error) { return findAccount(c, byID, userID) })
}

const byID = `WHERE u.id = ?1`

func findAccount(c *engine.Conn, where, key string) (a auth.Account, err error) {
	err = c.Query(selectAccount+where, key).Get(auth.ErrNoUser, accountColumns(&a)...)
	return a, err
}

// FindUser returns the user that ref names, also a disabled one. The error wraps auth.ErrNotFound if there is none.
func (s *Store) FindUser(ctx context.Context, ref auth.UserRef) (auth.User, error) {
	where, key := byID, ref.ID
	switch {
	case ref.Code != "":
		where, key = `WHERE u.id = (SELECT user_id FROM codes WHERE code = ?1)`, ref.Code
	case ref.Email != "":
		where, key = `WHERE u.email = ?1`, ref.Email
	}
	a, err := resultOf(ctx, s.Read, func(c *engine.Conn) (auth.Account, error) { return findAccount(c, where, key) })
	return a.User, err
}

// DisableUser disables an account from the next request on and keeps the first time it was disabled. The error wraps
// auth.ErrNotFound if there is none.
func (s *Store) DisableUser(ctx context.Context, userID string, now time.Time) (auth.User, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (auth.User, error) {
		_, err := c.Exec(`UPDATE users SET disabled_at = ?2 WHERE id = ?1 AND disabled_at IS NULL`, userID, now.UnixMicro())
		if err != nil {
			return auth.User{}, err
		}
		a, err := findAccount(c, byID, userID)
		return a.User, err
	})
}
