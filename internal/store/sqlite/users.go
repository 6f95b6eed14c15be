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

const (
	selectUser    = `SELECT u.id, u.email, u.display_name, u.created_at, u.disabled_at `
	selectAccount = `SELECT u.id, u.email, u.display_name, u.created_at, u.disabled_at, c.code
FROM users u LEFT JOIN codes c ON c.user_id = u.id AND c.kind = 'uid' `
)

// userColumns are destinations for selectUser, and accountColumns for selectAccount.
func userColumns(u *auth.User) []any {
	return []any{&u.ID, &u.Email, &u.DisplayName, &u.CreatedAt, (*engine.NullTime)(&u.DisabledAt)}
}

func accountColumns(a *auth.Account) []any { return append(userColumns(&a.User), (*engine.NullText)(&a.Code)) }

// CreateUser adds an account and its uid code, which it returns. The error wraps auth.ErrExists if the
// id or the e-mail address is taken.
func (s *Store) CreateUser(ctx context.Context, u auth.User) (referral.Code, error) {
	var code referral.Code
	err := s.WriteAlone(ctx, func(c *engine.Conn) error {
		taken, err := c.Query(`SELECT 1 FROM users WHERE id = ?1 OR email = ?2`, u.ID, u.Email).Exists()
		if err != nil {
			return err
		}
		if taken {
			return fmt.Errorf("a user with this e-mail address or id %w", auth.ErrExists)
		}
		code, err = insertUser(c, u)
		return err
	})
	return code, err
}

// insertUser writes the rows of a new account. Its code is made longer as long as it is taken, by
// another account's code or by a slug.
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

// ImportUsers adds the accounts that are missing, in one transaction. A user without an ID gets one
// from newID; an existing account is left as it is.
func (s *Store) ImportUsers(ctx context.Context, users []auth.User, newID func() (string, error)) ([]auth.ImportResult, error) {
	results := make([]auth.ImportResult, len(users))
	err := s.WriteBulk(ctx, func(c *engine.Conn) error {
		for i, u := range users {
			var err error
			if results[i], err = importUser(c, u, newID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

func importUser(c *engine.Conn, u auth.User, newID func() (string, error)) (auth.ImportResult, error) {
	result := auth.ImportResult{Created: true}
	err := c.Query(`SELECT id, email FROM users WHERE id = ?1 OR email = ?2`, u.ID, u.Email).Each(func(r engine.Row) error {
		var id, email string
		err := r.Scan(&id, &email)
		result.Created = false
		switch {
		case email != u.Email:
			result.Err = errIDElsewhere
		case u.ID != "" && id != u.ID:
			result.Err = errEmailElsewhere
		}
		return err
	})
	if err != nil || !result.Created {
		return result, err
	}
	if u.ID == "" {
		if u.ID, err = newID(); err != nil {
			return result, fmt.Errorf("draw a user id: %w", err)
		}
	}
	_, err = insertUser(c, u)
	return result, err
}

// Users returns every account, oldest first. The second value is a read error, which ends the sequence.
func (s *Store) Users(ctx context.Context) iter.Seq2[auth.Account, error] {
	return stream(ctx, s, func(c *engine.Conn, yield func(auth.Account) error) error {
		return c.Query(selectAccount + `ORDER BY u.created_at, u.id`).Each(func(r engine.Row) error {
			var a auth.Account
			if err := r.Scan(accountColumns(&a)...); err != nil {
				return err
			}
			return yield(a)
		})
	})
}

// Account returns a user with the uid code. The error wraps auth.ErrNotFound if there is no such user.
func (s *Store) Account(ctx context.Context, userID string) (a auth.Account, err error) {
	err = s.Read(ctx, func(c *engine.Conn) error {
		a, err = findAccount(c, userID)
		return err
	})
	return a, err
}

func findAccount(c *engine.Conn, userID string) (a auth.Account, err error) {
	err = c.Query(selectAccount+`WHERE u.id = ?1`, userID).Get(auth.ErrNoUser, accountColumns(&a)...)
	return a, err
}

// FindUser returns the user that ref names, also a disabled one. The error wraps auth.ErrNotFound if
// there is none.
func (s *Store) FindUser(ctx context.Context, ref auth.UserRef) (u auth.User, err error) {
	query, key := selectUser+`FROM users u WHERE u.id = ?1`, ref.ID
	switch {
	case ref.Code != "":
		query, key = selectUser+`FROM codes c JOIN users u ON u.id = c.user_id WHERE c.code = ?1`, ref.Code
	case ref.Email != "":
		query, key = selectUser+`FROM users u WHERE u.email = ?1`, ref.Email
	}
	err = s.Read(ctx, func(c *engine.Conn) error {
		return c.Query(query, key).Get(auth.ErrNoUser, userColumns(&u)...)
	})
	return u, err
}

// DisableUser disables an account, from the next request on, and returns it. A disabled account keeps its
// first time. The error wraps auth.ErrNotFound if there is no such user.
func (s *Store) DisableUser(ctx context.Context, userID string, now time.Time) (auth.User, error) {
	var a auth.Account
	err := s.WriteAlone(ctx, func(c *engine.Conn) error {
		_, err := c.Exec(`UPDATE users SET disabled_at = ?2 WHERE id = ?1 AND disabled_at IS NULL`, userID, now.UnixMicro())
		if err != nil {
			return err
		}
		a, err = findAccount(c, userID)
		return err
	})
	return a.User, err
}
