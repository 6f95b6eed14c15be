package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

const userColumns = `u.id, u.email, u.display_name, u.created_at, u.disabled_at`

func scanUser(r row) auth.User {
	return auth.User{ID: r.text(0), Email: r.text(1), DisplayName: r.text(2), CreatedAt: r.time(3), DisabledAt: r.time(4)}
}

// CreateUser adds an account and its uid code, which it returns. The error wraps auth.ErrExists when the
// id or the e-mail address is taken.
func (s *Store) CreateUser(ctx context.Context, u auth.User) (referral.Code, error) {
	var code referral.Code
	err := s.write(ctx, func(c *conn) error {
		taken, err := c.one(func(row) {}, `SELECT 1 FROM users WHERE id = ?1 OR email = ?2`, u.ID, u.Email)
		if err != nil {
			return err
		}
		if taken {
			return fmt.Errorf("a user with this e-mail address or id %w", auth.ErrExists)
		}
		code, err = addUser(c, u)
		return err
	})
	return code, err
}

// addUser writes the rows of a new account. Its code is made longer as long as it is taken, by
// another account's code or by a slug.
func addUser(c *conn, u auth.User) (referral.Code, error) {
	_, err := c.exec(`INSERT INTO users (id, email, display_name, created_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
		u.ID, u.Email, u.DisplayName, u.CreatedAt.UnixMicro(), micros(u.DisabledAt))
	if err != nil {
		return referral.Code{}, err
	}
	for n := referral.UIDCodeLength; n <= referral.MaxCodeLength; n++ {
		code := referral.Code{Code: referral.UIDCode(u.ID, n), Kind: referral.KindUID, UserID: u.ID, CreatedAt: u.CreatedAt}
		added, err := c.exec(`
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
// from newID; an account that is there is left as it is.
func (s *Store) ImportUsers(ctx context.Context, users []auth.User, newID func() (string, error)) ([]auth.ImportResult, error) {
	verdicts := make([]auth.ImportResult, len(users))
	err := s.writeBulk(ctx, func(c *conn) error {
		for i, u := range users {
			var err error
			if verdicts[i], err = importUser(c, u, newID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

func importUser(c *conn, u auth.User, newID func() (string, error)) (auth.ImportResult, error) {
	verdict := auth.ImportResult{Created: true}
	err := c.query(func(r row) error {
		verdict.Created = false
		switch {
		case r.text(1) != u.Email:
			verdict.Err = errIDElsewhere
		case u.ID != "" && r.text(0) != u.ID:
			verdict.Err = errEmailElsewhere
		}
		return nil
	}, `SELECT id, email FROM users WHERE id = ?1 OR email = ?2`, u.ID, u.Email)
	if err != nil || !verdict.Created {
		return verdict, err
	}
	if u.ID == "" {
		if u.ID, err = newID(); err != nil {
			return verdict, fmt.Errorf("draw a user id: %w", err)
		}
	}
	_, err = addUser(c, u)
	return verdict, err
}

// Users returns every account, oldest first. The second value is a read error, which ends the sequence.
func (s *Store) Users(ctx context.Context) iter.Seq2[auth.Account, error] {
	return func(yield func(auth.Account, error) bool) {
		err := s.read(ctx, func(c *conn) error {
			return c.query(func(r row) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if !yield(auth.Account{User: scanUser(r), Code: r.text(5)}, nil) {
					return errStopped
				}
				return nil
			}, `
SELECT `+userColumns+`, c.code FROM users u LEFT JOIN codes c ON c.user_id = u.id AND c.kind = 'uid'
ORDER BY u.created_at, u.id`)
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(auth.Account{}, err)
		}
	}
}

// errStopped ends a query whose caller has seen enough.
var errStopped = errors.New("stopped by the caller")

// Account returns a user with the uid code. The error wraps auth.ErrNotFound when there is no such user.
func (s *Store) Account(ctx context.Context, userID string) (auth.Account, error) {
	var a auth.Account
	err := s.read(ctx, func(c *conn) (err error) {
		a, err = account(c, userID)
		return err
	})
	return a, err
}

func account(c *conn, userID string) (auth.Account, error) {
	var a auth.Account
	found, err := c.one(func(r row) { a = auth.Account{User: scanUser(r), Code: r.text(5)} }, `
SELECT `+userColumns+`, c.code FROM users u LEFT JOIN codes c ON c.user_id = u.id AND c.kind = 'uid' WHERE u.id = ?1`, userID)
	if err == nil && !found {
		err = auth.ErrNoUser
	}
	return a, err
}

// FindUser returns the user that ref names, also a disabled one. The error wraps auth.ErrNotFound when
// there is none.
func (s *Store) FindUser(ctx context.Context, ref auth.UserRef) (auth.User, error) {
	query, key := `SELECT `+userColumns+` FROM users u WHERE u.id = ?1`, ref.ID
	switch {
	case ref.Code != "":
		query, key = `SELECT `+userColumns+` FROM codes c JOIN users u ON u.id = c.user_id WHERE c.code = ?1`, ref.Code
	case ref.Email != "":
		query, key = `SELECT `+userColumns+` FROM users u WHERE u.email = ?1`, ref.Email
	}
	var u auth.User
	err := s.read(ctx, func(c *conn) error {
		found, err := c.one(func(r row) { u = scanUser(r) }, query, key)
		if err == nil && !found {
			err = auth.ErrNoUser
		}
		return err
	})
	return u, err
}

// DisableUser disables an account, from the next request on, and returns it. An account that is
// disabled keeps its first time. The error wraps auth.ErrNotFound when there is no such user.
func (s *Store) DisableUser(ctx context.Context, userID string, now time.Time) (auth.User, error) {
	var u auth.User
	err := s.write(ctx, func(c *conn) error {
		_, err := c.exec(`UPDATE users SET disabled_at = ?2 WHERE id = ?1 AND disabled_at IS NULL`, userID, now.UnixMicro())
		if err != nil {
			return err
		}
		a, err := account(c, userID)
		u = a.User
		return err
	})
	return u, err
}
