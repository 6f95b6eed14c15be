package seed

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"

	"github.com/triport/triport-console/internal/auth"
)

// Layout is the content of a database: the referrers, then attributed people, then people without a
// referrer. The last of them have sessions.
type Layout struct {
	Attributed int64
	Fresh      int64
	Sessions   int64
}

// People is the number of all people.
func (l Layout) People() int64 { return Referrers + l.Attributed + l.Fresh }

// FirstSession is the number of the first person with a session.
func (l Layout) FirstSession() int64 { return l.People() - l.Sessions }

// Register adds SQL functions that return the data of a person. It is called once, and applies to all
// connections opened later.
func Register() error {
	var errs []error
	for name, f := range map[string]func(n int64) driver.Value{
		"person_id":      func(n int64) driver.Value { id := UserID(n); return id[:] },
		"person_text_id": func(n int64) driver.Value { return ID(n) },
		"person_email":   func(n int64) driver.Value { return Email(n) },
		"person_code":    func(n int64) driver.Value { return Code(n) },
		"person_attempt": func(n int64) driver.Value { id := Attempt(n); return id[:] },
		"person_token":   func(n int64) driver.Value { h := auth.HashToken(Tokens(n).Session); return h[:] },
		"person_csrf":    func(n int64) driver.Value { h := auth.HashToken(Tokens(n).CSRF); return h[:] },
	} {
		errs = append(errs, sqlite.RegisterDeterministicScalarFunction(name, 1,
			func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
				n, ok := args[0].(int64)
				if !ok {
					return nil, errors.New("the number of a person is an integer")
				}
				return f(n), nil
			}))
	}
	return errors.Join(errs...)
}

// numbers returns the people from ?1 up to, but not including, ?2.
const numbers = `WITH RECURSIVE people (n) AS (SELECT ?1 WHERE ?1 < ?2 UNION ALL SELECT n + 1 FROM people WHERE n + 1 < ?2) `

// rows are the statements that fill the product's schema, each with its range of people. ?3 is the time of
// the first account in microseconds. A user has the Number n + 1; the words are kind 1 uid, type 1 signup, source 1 live.
var rows = []struct {
	query  string
	people func(l Layout) (from, to int64)
}{
	{`INSERT INTO users (n, id, email, display_name, created_at)
	  SELECT n + 1, person_id(n), person_email(n), 'Person ' || n, ?3 + n * 1000 FROM people`, all},
	{`INSERT INTO codes (code, owner, kind, created_at)
	  SELECT person_code(n), n + 1, 1, ?3 + n * 1000 FROM people`, all},
	{`INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
	  SELECT n + 1, n % 1000 + 1, person_code(n % 1000), ?3 + n * 1000, person_attempt(n), n - 1000 + 1 FROM people`, attributed},
	{`INSERT INTO events (seq, at, user, type, code, referrer, source, attempt_id, request_id)
	  SELECT n - 1000 + 1, ?3 + n * 1000, n + 1, 1, person_code(n % 1000), n % 1000 + 1, 1, person_attempt(n),
	         printf('req_%016x', n) FROM people`, attributed},
	{`INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at)
	  SELECT person_token(n), person_id(n), person_csrf(n), ?3 + n * 1000, 32503680000000000 FROM people`, signedIn},
}

func all(l Layout) (from, to int64)        { return 0, l.People() }
func attributed(l Layout) (from, to int64) { return Referrers, Referrers + l.Attributed }
func signedIn(l Layout) (from, to int64)   { return l.FirstSession(), l.People() }

// Fill adds the people to a database that has the product's schema and no rows. No other process may
// have it open.
func Fill(ctx context.Context, path string, l Layout) error {
	return Bulk(ctx, path, func(db *sql.DB) error {
		for _, r := range rows {
			from, to := r.people(l)
			if err := Insert(ctx, db, r.query, from, to); err != nil {
				return err
			}
		}
		return nil
	})
}

// Insert runs an INSERT … SELECT … FROM people (n) for the people from up to, but not including, to. ?3 is the time of the first
// account in microseconds.
func Insert(ctx context.Context, db *sql.DB, query string, from, to int64) error {
	args := []any{from, to, int64(epoch) * int64(time.Millisecond/time.Microsecond)}
	if _, err := db.ExecContext(ctx, numbers+query, args...); err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	return nil
}

// Bulk calls f with a fast connection that is not safe: a crash leaves a damaged file. At the end the
// file is in WAL mode again, complete without its WAL.
func Bulk(ctx context.Context, path string, f func(*sql.DB) error) (err error) {
	q := url.Values{"_pragma": {
		"journal_mode=delete", "journal_mode=off", "synchronous=off", "foreign_keys=off",
		"locking_mode=exclusive", "cache_size=-1048576",
	}}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?"+q.Encode())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := f(db); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA journal_mode=wal")
	return err
}
