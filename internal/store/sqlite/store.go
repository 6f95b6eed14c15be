// Package sqlite is the store on one SQLite file: the schema and the queries. The engine keeps the file durable.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
	"github.com/triport/triport-console/internal/throttle"
)

// Mode is what a program may do with a database.
type Mode int

// The modes of Open.
const (
	ReadOnly  Mode = iota // never takes the write lock
	ReadWrite             // like ReadOnly, it requires a database of the current schema
	Create                // creates a missing file (mode 0600), updates the schema
)

// Options are the settings of Open.
type Options struct {
	Mode Mode
	Log  *slog.Logger // nil discards
	// Observe, if set, is called after every transaction of live attempts, before their answers. It must return at once.
	Observe   func(Commit)
	BatchSize int              // of live attempts, as in engine.Options
	Now       func() time.Time // nil means time.Now
	Migration Migration
}

// Commit describes one transaction of live attempts.
type Commit = engine.Commit

// Store is an open database, safe for concurrent use. Methods that take an engine.Conn are for this package only.
type Store struct {
	*engine.DB
	file     string // without links
	from, to int64
	now      func() time.Time
	ancestry *ancestry
}

// Errors of Open.
var (
	ErrNoDatabase  = errors.New("the database does not exist")
	ErrNotDatabase = engine.ErrNotDatabase
	ErrNewerSchema = errors.New("the database was written by a newer version of this program: " +
		"install that version, or restore a backup made before the upgrade")
	ErrOlderSchema = errors.New("the database has an older schema: bring it up to date with: triport-console db migrate")
	ErrEmpty       = errors.New("the file is empty: restore a backup, " +
		"or make a new database of it with: triport-console db migrate")
	ErrLeftBehind = errors.New("the database does not exist or is empty, but files that belong to it do")
)

// Errors of an open store.
var (
	ErrLocked   = engine.ErrLocked   // another process held the write lock for too long
	ErrReplaced = engine.ErrReplaced // the file was removed or replaced while it was open
	ErrClosed   = engine.ErrClosed
)

// Open opens the database at path. The error wraps one of the errors above if it applies.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	s, err := open(ctx, path, opt)
	if engine.IsPermission(err) {
		err = fmt.Errorf("%w: run this as the owner of the database, who may write in its directory", err)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, opt Options) (*Store, error) {
	file := fsutil.RealPath(path) // the other files are next to it
	if opt.Mode == Create {
		if err := createFile(file); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoDatabase
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: it is not a regular file", ErrNotDatabase)
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	log := cmp.Or(opt.Log, slog.New(slog.DiscardHandler))
	s := &Store{file: file, now: opt.Now, ancestry: newAncestry()}
	m := &monitor{log: log, now: opt.Now, damaged: throttle.New(damageLogEvery)}
	if s.from, s.to, err = ensureSchema(ctx, file, info.Size(), opt); err != nil {
		return nil, err
	}
	s.DB, err = engine.Open(path, engine.Options{
		ReadOnly: opt.Mode == ReadOnly, Recover: opt.Mode == Create, BatchSize: opt.BatchSize,
		Probe: probe, Observe: opt.Observe, Report: m.report, Now: opt.Now,
	})
	return s, err
}

// probe reads a row of each table that a decision needs. The conditions make SQLite use the table, not an index.
const probe = `SELECT (SELECT 1 FROM users WHERE n >= 0 LIMIT 1), (SELECT 1 FROM codes WHERE code >= '' LIMIT 1),
       (SELECT 1 FROM attributions WHERE invitee >= 0 LIMIT 1), (SELECT 1 FROM events WHERE seq >= 0 LIMIT 1)`

// IsCorrupt reports whether SQLite found the file malformed.
func IsCorrupt(err error) bool { return engine.IsCorrupt(err) }

// Version returns the version of the SQLite library.
func Version() string { return engine.Version }

// SchemaVersions returns the schema versions before and after Open.
func (s *Store) SchemaVersions() (from, to int64) { return s.from, s.to }
