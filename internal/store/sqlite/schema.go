package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

//go:embed migrations/*.sql
var embedded embed.FS

var migrations, _ = fs.Sub(embedded, "migrations") // a constant name: cannot fail

// applicationID is in the header of every database: "TRIP" in ASCII.
const applicationID = 0x54524950

// newestSchema is the version of the last migration: they are numbered from 1 without gaps.
var newestSchema = func() int64 {
	files, _ := fs.Glob(migrations, "*.sql")
	return int64(len(files))
}()

// ensureSchema checks the schema and, in Create mode, brings it up to date. size is that of the file.
func ensureSchema(ctx context.Context, path string, size int64, mode Mode) (from, to int64, err error) {
	if from, err = schemaVersion(path); err != nil {
		return 0, 0, err
	}
	switch {
	case from == newestSchema:
		return from, from, nil
	case from > newestSchema:
		return 0, 0, fmt.Errorf("%w (schema %d, this program knows up to %d)", ErrNewerSchema, from, newestSchema)
	case mode == Create:
	case from == 0 && size == 0: // never written, or cut off
		return 0, 0, ErrEmpty
	default:
		return 0, 0, fmt.Errorf("%w (schema %d, this program needs %d)", ErrOlderSchema, from, newestSchema)
	}
	if err := migrate(ctx, path); err != nil {
		return 0, 0, fmt.Errorf("bring the schema up to date: %w", err)
	}
	return from, newestSchema, nil
}

// schemaVersion returns 0 for an empty file, and ErrNotDatabase for anything that is not ours.
func schemaVersion(path string) (version int64, err error) {
	err = engine.ReadFile(path, func(c *engine.Conn) error {
		var app, tables int64
		if err := c.Pragma("application_id", &app); err != nil {
			return err
		}
		if _, err := c.Query("SELECT count(*) FROM sqlite_schema").One(&tables); err != nil || tables == 0 {
			return err
		}
		if app != applicationID && !isMigrating(c) {
			return ErrNotDatabase
		}
		_, err := c.Query("SELECT max(version_id) FROM goose_db_version WHERE is_applied").One(&version)
		return err
	})
	return version, err
}

// isMigrating reports whether a first migration was cut short: only goose's own table exists.
func isMigrating(c *engine.Conn) bool {
	only := false
	_, err := c.Query(`
SELECT count(*) = sum(name IN ('goose_db_version', 'sqlite_sequence')) FROM sqlite_schema`).One(&only)
	return err == nil && only
}

// migrationLockWait bounds the wait for another process's migration.
const migrationLockWait = time.Minute

// migrate runs missing migrations, in one process at a time.
func migrate(ctx context.Context, path string) (err error) {
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
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return engine.Translate(err)
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
