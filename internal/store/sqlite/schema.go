package sqlite

import (
	"context"
	"fmt"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// applicationID is in the header of every database: "TRIP" in ASCII.
const applicationID = 0x54524950

// newestSchema is the version of the last migration: they are numbered from 1 without gaps.
const newestSchema = 2

// ensureSchema checks the schema and, in Create mode, brings it up to date. size is that of the file.
func ensureSchema(ctx context.Context, path string, size int64, opt Options) (from, to int64, err error) {
	if from, err = schemaVersion(path); err != nil {
		return 0, 0, err
	}
	switch {
	case from == newestSchema:
		return from, from, nil
	case from > newestSchema:
		return 0, 0, fmt.Errorf("%w (schema %d, this program knows up to %d)", ErrNewerSchema, from, newestSchema)
	case opt.Mode == Create:
	case from == 0 && size == 0: // never written, or cut off
		return 0, 0, ErrEmpty
	default:
		return 0, 0, fmt.Errorf("%w (schema %d, this program needs %d)", ErrOlderSchema, from, newestSchema)
	}
	if from > 0 && opt.Migration.Backup != "" {
		if _, err := backup(ctx, path, opt.Migration.Backup); err != nil {
			return 0, 0, fmt.Errorf("the migration did not begin, because its backup failed: %w", err)
		}
	}
	if from > 0 && opt.Log != nil {
		opt.Log.Info("migrating the schema", "from", from, "to", newestSchema)
	}
	if err := migrate(ctx, path, opt.Migration.Progress); err != nil {
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
