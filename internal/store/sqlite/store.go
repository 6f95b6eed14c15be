// Package sqlite is the one store: a single SQLite file in WAL mode with full durability, a pool of
// readers that cannot write, and one writer that commits many attempts at once.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// Mode says what a program means to do with a database.
type Mode int

// ReadOnly and ReadWrite want an existing database of the current schema; ReadOnly never takes the
// write lock. Create makes the file (mode 0600) when it is missing and brings its schema up to date.
const (
	ReadOnly Mode = iota
	ReadWrite
	Create
)

// Options are what Open may be told.
type Options struct {
	Mode Mode
	// Log is told what an operator must know; nil discards it.
	Log *slog.Logger
	// Observe is told of every transaction of live attempts, before they are answered; nil tells nobody.
	// It keeps the one writer from the next transaction: it must return at once.
	Observe func(Commit)
	// BatchSize is how many live attempts may share a transaction; 0 means 256.
	BatchSize int
}

const (
	defaultBatchSize = 256
	// maxReaders bounds the connections that read. A look-up takes microseconds, so a few serve
	// hundreds of requests; each costs its page cache.
	maxReaders = 4
)

// Store is an open database. It implements referral.Store, referral.RejectedLog, referral.Ledger and
// auth.SessionStore. All methods are safe for concurrent use.
type Store struct {
	path     string
	from, to int64
	// place and away change while the writer holds all of readers, so that whoever holds one of them,
	// or is the writer, may look at them.
	place place
	away  error // why no file is open; nil when one is

	readers chan *conn // idle connections; nil stands for one that has not been opened yet
	writer  *writer    // nil in ReadOnly mode
	lookups lookups
	health  health

	closing sync.Once
	closed  chan struct{}
}

var (
	_ referral.Store       = (*Store)(nil)
	_ referral.RejectedLog = (*Store)(nil)
	_ referral.Ledger      = (*Store)(nil)
	_ auth.SessionStore    = (*Store)(nil)
)

// Open opens the database at path. The error is or wraps ErrNoDatabase, ErrNotDatabase,
// ErrNewerSchema, ErrOlderSchema or ErrEmpty where one of them is meant.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	s, err := open(ctx, path, opt)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, notYours(err))
	}
	return s, nil
}

func open(ctx context.Context, path string, opt Options) (*Store, error) {
	if opt.Mode == Create {
		if err := createFile(path); err != nil {
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
	s := &Store{path: path, place: place{db: info}, readers: make(chan *conn, maxReaders), closed: make(chan struct{})}
	s.lookups.queue = make(chan *lookup, maxQueue)
	if s.from, s.to, err = ensureSchema(ctx, path, opt.Mode); err != nil {
		return nil, err
	}
	for range maxReaders {
		s.readers <- nil
	}
	if opt.Mode != ReadOnly {
		if s.writer, err = s.startWriter(opt); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// createFile makes an empty file that only its owner may read. SQLite gives its companions the same
// mode.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	return f.Close()
}

// SchemaVersions returns the schema version that Open found and the one it left.
func (s *Store) SchemaVersions() (from, to int64) { return s.from, s.to }

// Version returns the version of the SQLite library.
func Version() string { return sqlite3.SQLITE_VERSION }

// Close waits for what is being committed, answers the rest with ErrClosed, and closes the
// connections. It may be called more than once.
func (s *Store) Close() error {
	var errs []error
	s.closing.Do(func() {
		close(s.closed)
		if s.writer != nil {
			s.writer.stop()
		}
		for range maxReaders {
			if c := <-s.readers; c != nil {
				errs = append(errs, c.close())
			}
		}
		if s.writer != nil { // after the readers: the last one out empties the log
			errs = append(errs, s.writer.close())
		}
	})
	return errors.Join(errs...)
}

// read lends f an idle connection that cannot write. ctx bounds the wait for one.
func (s *Store) read(ctx context.Context, f func(*conn) error) error {
	var c *conn
	select {
	case c = <-s.readers:
	default:
		select {
		case c = <-s.readers:
		case <-s.closed:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("wait for a connection that reads: %w", ctx.Err())
		}
	}
	defer func() {
		if c != nil && c.spoiled {
			c.discard()
			c = nil
		}
		s.readers <- c
	}()
	if s.isClosed() {
		return ErrClosed
	}
	if c == nil {
		var err error
		if c, err = s.openReader(); err != nil {
			return fmt.Errorf("open a connection that reads: %w", err)
		}
	}
	return f(c)
}

// openReader opens a connection that reads. Beside a writer it can do no harm to a file that was put
// in the database's place just now: the last connection that may write a file plays the log it found
// beside it into it.
func (s *Store) openReader() (*conn, error) {
	if s.writer == nil {
		return openConn(s.path, false)
	}
	if s.away != nil {
		return nil, s.away
	}
	if err := s.wholeInPlace(); err != nil {
		return nil, err
	}
	return openAs(s.path, accessRead, pragmas(false))
}

// holdReaders takes every connection that reads out of service.
func (s *Store) holdReaders() ([]*conn, error) {
	held := make([]*conn, 0, maxReaders+2)
	enough := time.After(mendWait)
	for range maxReaders {
		select {
		case c := <-s.readers:
			held = append(held, c)
		case <-enough:
			s.releaseReaders(held)
			return nil, errReadersBusy
		}
	}
	return held, nil
}

func (s *Store) releaseReaders(held []*conn) {
	for _, c := range held {
		s.readers <- c
	}
}

// readInPlace is read for those who must not believe a file that is gone: whether a session is in
// force stands in the file that path names, and in its log, for as long as others read and write the same
// one. When something is amiss it has the writer look after the store, and reads again.
func (s *Store) readInPlace(ctx context.Context, f func(*conn) error) error {
	spoiled := false
	inPlace := s.wholeInPlace
	if s.writer == nil { // only a writer makes the companions, and notes them
		inPlace = s.inPlace
	}
	look := func(c *conn) error {
		if err := inPlace(); err != nil {
			return err
		}
		err := f(c)
		spoiled = c.spoiled
		return err
	}
	err := s.read(ctx, look)
	away := isAway(err)
	if s.writer == nil || !away && !spoiled {
		return err
	}
	if cause := s.writer.attended(ctx); cause != nil {
		if away {
			return cause
		}
		return err
	}
	return s.read(ctx, look)
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}
