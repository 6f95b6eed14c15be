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
FROM users u LEFT JOIN codes c ON c.owner = u.n AND c.kind = 1 `

func accountColumns(a *auth.Account) []any {
	return []any{
		(*engine.ID)(&a.User.ID), (*engine.NullText)(&a.User.Email), &a.User.DisplayName, &a.User.CreatedAt,
		(*engine.NullTime)(&a.User.DisabledAt), (*engine.NullText)(&a.Code),
	}
}

// CreateUser adds an account and returns its uid code. The error wraps auth.ErrExists if its id or e-mail is taken.
func (s *Store) CreateUser(ctx context.Context, u auth.User) (referral.Code, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (referral.Code, error) {
		taken, err := c.Query(`SELECT 1 FROM users WHERE id = ?1 OR email = ?2`,
			engine.EncodeID(u.ID), engine.OrNull(u.Email)).Exists()
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
		engine.EncodeID(u.ID), engine.OrNull(u.Email), u.DisplayName, u.CreatedAt.UnixMicro(), engine.Micros(u.DisabledAt))
	if err != nil {
		return referral.Code{}, err
	}
	for n := referral.UIDCodeLength; n <= referral.MaxCodeLength; n++ {
		code := referral.Code{Code: referral.UIDCode(u.ID, n), Kind: referral.KindUID, UserID: u.ID, CreatedAt: u.CreatedAt}
		added, err := c.Exec(`
INSERT INTO codes (code, owner, kind, created_at) VALUES (?1, (SELECT n FROM users WHERE id = ?2), 1, ?3)
ON CONFLICT (code) DO NOTHING`, code.Code, engine.EncodeID(u.ID), u.CreatedAt.UnixMicro())
		if err != nil || added == 1 {
			return code, err
		}
	}
	return referral.Code{}, fmt.Errorf("%w for user %s: every prefix of its hash is taken", errNoCode, u.ID)
}

var errNoCode = errors.New("no free code")

var errEmailElsewhere = errors.New("the e-mail address belongs to an account with another id")

// ImportUsers adds and updates accounts in one transaction. newID fills in the ID of a new account.
func (s *Store) ImportUsers(
	ctx context.Context, users []auth.ImportUser, newID func() (string, error), now time.Time,
) ([]auth.ImportResult, error) {
	return resultsOf(ctx, s, users, func(c *engine.Conn, u auth.ImportUser) (auth.ImportResult, error) {
		return importUser(c, u, newID, now)
	})
}

func importUser(
	c *engine.Conn, in auth.ImportUser, newID func() (string, error), now time.Time,
) (result auth.ImportResult, err error) {
	var email string
	if in.Email != nil {
		email = *in.Email
	}
	ref := auth.UserRef{ID: in.ID}
	if in.ID == "" {
		ref.Email = email
	}
	old, err := findUser(c, ref)
	isNew := errors.Is(err, auth.ErrNotFound)
	if err != nil && !isNew {
		return result, err
	}
	u := old
	if isNew {
		u = auth.User{ID: in.ID, CreatedAt: now}
		if u.ID == "" {
			if u.ID, err = newID(); err != nil {
				return result, fmt.Errorf("generate a user id: %w", err)
			}
		}
	}
	u.Apply(in.UserChange)
	if !in.CreatedAt.IsZero() && (isNew || in.CreatedAt.Before(u.CreatedAt)) {
		u.CreatedAt = in.CreatedAt
	}
	if taken, err := emailTaken(c, u); err != nil || taken {
		return auth.ImportResult{Err: errEmailElsewhere}, err
	}
	if isNew {
		_, err = insertUser(c, u)
		if errors.Is(err, errNoCode) {
			return auth.ImportResult{Err: err}, nil
		}
		return auth.ImportResult{Created: true}, err
	}
	if u == old { // spares the write
		return auth.ImportResult{}, nil
	}
	return auth.ImportResult{Updated: true}, writeUser(c, u)
}

func emailTaken(c *engine.Conn, u auth.User) (bool, error) {
	if u.Email == "" {
		return false, nil
	}
	return c.Query(`SELECT 1 FROM users WHERE email = ?1 AND id <> ?2`, u.Email, engine.EncodeID(u.ID)).Exists()
}

func writeUser(c *engine.Conn, u auth.User) error {
	_, err := c.Exec(`UPDATE users SET email = ?2, display_name = ?3, created_at = ?4 WHERE id = ?1`,
		engine.EncodeID(u.ID), engine.OrNull(u.Email), u.DisplayName, u.CreatedAt.UnixMicro())
	return err
}

// UpdateUser changes an account. The error wraps auth.ErrExists if another account has the e-mail address, and
// auth.ErrNotFound if there is no such account.
func (s *Store) UpdateUser(ctx context.Context, userID string, change auth.UserChange) (auth.Account, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (auth.Account, error) {
		a, err := findAccount(c, userID)
		if err != nil {
			return a, err
		}
		a.User.Apply(change)
		taken, err := emailTaken(c, a.User)
		if err == nil && taken {
			err = fmt.Errorf("an account with this e-mail address %w", auth.ErrExists)
		}
		if err != nil {
			return a, err
		}
		return a, writeUser(c, a.User)
	})
}

// Users returns all accounts, oldest first. A read error ends it.
func (s *Store) Users(ctx context.Context) iter.Seq2[auth.Account, error] {
	return stream(ctx, s, func(c *engine.Conn, yield func(auth.Account) error) error {
		return scanEach(c.Query(selectAccount+`ORDER BY u.created_at, u.n`), accountColumns, yield)
	})
}

// Account returns a user with the uid code, or an error that wraps auth.ErrNotFound.
func (s *Store) Account(ctx context.Context, userID string) (auth.Account, error) {
	return resultOf(ctx, s.Read, func(c *engine.Conn) (auth.Account, error) { return findAccount(c, userID) })
}

const whereUser = `WHERE u.id = ?1`

func findAccount(c *engine.Conn, userID string) (a auth.Account, err error) {
	err = c.Query(selectAccount+whereUser, engine.EncodeID(userID)).Get(auth.ErrNoUser, accountColumns(&a)...)
	return a, err
}

// findNumber returns the number that the tables have for a user.
func findNumber(c *engine.Conn, userID string) (n int64, err error) {
	err = c.Query(`SELECT n FROM users WHERE id = ?1`, engine.EncodeID(userID)).Get(auth.ErrNoUser, &n)
	return n, err
}

// FindUser returns the user that ref names, also a disabled one. The error wraps auth.ErrNotFound if there is none, and
// auth.ErrAmbiguous if the readings of ref are different users.
func (s *Store) FindUser(ctx context.Context, ref auth.UserRef) (auth.User, error) {
	return resultOf(ctx, s.Read, func(c *engine.Conn) (auth.User, error) { return findUser(c, ref) })
}

func findUser(c *engine.Conn, ref auth.UserRef) (auth.User, error) {
	found, err := scanAll(c.Query(selectAccount+`
WHERE u.id = ?1 OR u.email = ?2 OR u.n = (SELECT owner FROM codes WHERE code = ?3)`,
		engine.EncodeID(ref.ID), engine.OrNull(ref.Email), engine.OrNull(ref.Code)), accountColumns)
	switch {
	case err != nil:
		return auth.User{}, err
	case len(found) == 0:
		return auth.User{}, auth.ErrNoUser
	case len(found) > 1:
		return auth.User{}, auth.ErrAmbiguous
	}
	return found[0].User, nil
}

// DisableUser disables an account from the next request on, revokes its sessions and returns how many. It keeps the
// first time it was disabled. The error wraps auth.ErrNotFound if there is none.
func (s *Store) DisableUser(ctx context.Context, userID string, now time.Time) (u auth.User, revoked int64, err error) {
	u, err = resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (auth.User, error) {
		_, err := c.Exec(`UPDATE users SET disabled_at = ?2 WHERE id = ?1 AND disabled_at IS NULL`,
			engine.EncodeID(userID), now.UnixMicro())
		if err != nil {
			return auth.User{}, err
		}
		if revoked, err = revokeSessions(c, userID, now); err != nil {
			return auth.User{}, err
		}
		a, err := findAccount(c, userID)
		return a.User, err
	})
	return u, revoked, err
}

// EnableUser enables an account again. Its sessions stay revoked. The error wraps auth.ErrNotFound if there is none.
func (s *Store) EnableUser(ctx context.Context, userID string) (auth.User, error) {
	return resultOf(ctx, s.WriteAlone, func(c *engine.Conn) (auth.User, error) {
		if _, err := c.Exec(`UPDATE users SET disabled_at = NULL WHERE id = ?1`, engine.EncodeID(userID)); err != nil {
			return auth.User{}, err
		}
		a, err := findAccount(c, userID)
		return a.User, err
	})
}
