package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

//go:embed migrations
var embedded embed.FS

var migrations, _ = fs.Sub(embedded, "migrations") // a constant name: cannot fail

//go:embed migrations/steps/00002_integer_keys.sql
var integerKeys string

// Migration is what Open does around the migration of a database with content.
type Migration struct {
	Backup   string                  // a file for a copy that is made first; empty for none
	Progress func(done, steps int64) // called before each step, and at the end
}

// migrationLockWait bounds the wait for another process's migration.
const migrationLockWait = time.Minute

// migrate runs missing migrations, in one process at a time.
func migrate(ctx context.Context, path string, progress func(done, steps int64)) (err error) {
	wait, cancel := context.WithTimeout(ctx, migrationLockWait)
	defer cancel()
	unlock, err := lockMigration(wait, path+".migrate.lock")
	if err != nil {
		return fmt.Errorf("lock the migration: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()

	db, err := sql.Open("sqlite", engine.DSN(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	// A cache of 256 MiB, given back at the end, and no check of each reference: db check finds what was wrong before.
	// Without both, a million users take twice the time.
	if _, err := db.ExecContext(ctx, "PRAGMA cache_size = -262144; PRAGMA foreign_keys = off"); err != nil {
		return err
	}
	return migrateDB(ctx, db, progress)
}

func migrateDB(ctx context.Context, db *sql.DB, progress func(done, steps int64)) error {
	toIntegerKeys := goose.NewGoMigration(2, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if err := rejectUnfit(ctx, tx); err != nil {
			return err
		}
		return runSteps(ctx, tx, integerKeys, progress)
	}}, nil)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithGoMigrations(toIntegerKeys))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return engine.Translate(err)
}

// runSteps runs the steps of a script. Each begins with a line "-- step: " and its name.
func runSteps(ctx context.Context, tx *sql.Tx, script string, progress func(done, steps int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	steps := strings.Split(script, "-- step: ")[1:]
	for i, step := range steps {
		name, statements, _ := strings.Cut(step, "\n")
		progress(int64(i), int64(len(steps)))
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return fmt.Errorf("step %q: %w", name, engine.Translate(err))
		}
	}
	progress(int64(len(steps)), int64(len(steps)))
	return nil
}

// unfit names rows of schema 1 that schema 2 cannot hold: people and services could write rows of their own.
const unfit = `
SELECT 'user ' || id || ': its id has a character that is none of a-z 0-9 _ . : @ | - or is a UUID in upper case' FROM users
WHERE id GLOB '*[^A-Za-z0-9_.:@|-]*' OR octet_length(id) <> 36 OR length(unhex(id, '-')) = 16 AND id <> lower(id)
UNION ALL
SELECT 'user ' || id || ': a time is not in microseconds since 1970' FROM users
WHERE created_at NOT BETWEEN 0 AND 253402300799999999 OR disabled_at NOT BETWEEN 0 AND 253402300799999999
UNION ALL
SELECT 'code ' || code || ': it is not 3 to 32 characters of a-z 0-9 -, its time is not in microseconds, or its user is missing' FROM codes
WHERE code GLOB '*[^a-z0-9-]*' OR code GLOB '-*' OR code GLOB '*-' OR octet_length(code) NOT BETWEEN 3 AND 32
   OR created_at NOT BETWEEN 0 AND 253402300799999999 OR disabled_at NOT BETWEEN 0 AND 253402300799999999
   OR user_id NOT IN (SELECT id FROM users)
UNION ALL
SELECT 'attribution of ' || invitee_id || ': its time is not in microseconds, or a user is missing' FROM attributions
WHERE attributed_at NOT BETWEEN 0 AND 253402300799999999
   OR invitee_id NOT IN (SELECT id FROM users) OR referrer_id NOT IN (SELECT id FROM users)
UNION ALL
SELECT 'event ' || seq || ': its time is not in microseconds, a user is missing, or its type, reason, detail or source is unknown' FROM events
WHERE at NOT BETWEEN 0 AND 253402300799999999
   OR user_id NOT IN (SELECT id FROM users) OR referrer_id NOT IN (SELECT id FROM users)
   OR type NOT IN ('signup', 'rejected')
   OR reason NOT IN ('invalid_code', 'self_referral', 'unknown_code', 'referral_cycle', 'not_eligible')
   OR detail NOT IN ('no_such_code', 'code_disabled', 'owner_disabled') OR source NOT IN ('live', 'spool', 'replay')
UNION ALL
SELECT type || ' ' || name || ': it does not belong to this program' FROM sqlite_schema
WHERE type IN ('view', 'trigger') AND name NOT IN ('codes_no_delete', 'codes_keep_owner', 'events_no_update', 'events_no_delete')
LIMIT 5` // maxUnfit

// maxUnfit limits the rows that an error names.
const maxUnfit = 5

func rejectUnfit(ctx context.Context, tx *sql.Tx) error {
	found, err := selectText(ctx, tx, unfit, func(row string) bool { return true })
	if err != nil {
		return err
	}
	emails, err := selectText(ctx, tx, `SELECT email FROM users`, func(email string) bool {
		normal, err := auth.NormalizeEmail(email)
		return err != nil || normal != email
	})
	if err != nil {
		return err
	}
	for _, email := range emails {
		found = append(found, fmt.Sprintf("%q: it is no e-mail address", email))
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("the database has rows that the new schema cannot hold, and is as it was: "+
		"correct them with the sqlite3 shell, then try again: %s", strings.Join(found, "; "))
}

// selectText returns the rows that matter, up to maxUnfit.
func selectText(ctx context.Context, tx *sql.Tx, query string, matters func(string) bool) (found []string, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() && len(found) < maxUnfit {
		var row string
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		if matters(row) {
			found = append(found, row)
		}
	}
	return found, rows.Err()
}

// lockMigration does what goose does not for SQLite. The file is removed with the lock: one that root leaves behind
// would keep the owner from the next migration. A process that waited then holds the lock of no file, and tries again.
func lockMigration(ctx context.Context, name string) (unlock func() error, err error) {
	for {
		l := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW), flock.SetPermissions(0o600))
		if _, err := l.TryLockContext(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
		held, err := l.Stat()
		if there, noName := os.Lstat(name); err == nil && noName == nil && os.SameFile(held, there) {
			return func() error { return errors.Join(os.Remove(name), l.Unlock()) }, nil
		}
		if err := errors.Join(err, l.Unlock()); err != nil {
			return nil, err
		}
	}
}
