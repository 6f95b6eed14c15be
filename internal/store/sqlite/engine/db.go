// Package engine keeps one SQLite file open in WAL mode with full durability: a pool of readers that cannot
// write, one writer that commits many functions at once, and the recovery from errors of the disk. It
// knows no table.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triport/triport-console/internal/bounded"
)

// Options are the settings of Open.
type Options struct {
	ReadOnly bool // never takes the write lock
	// Recover empties the write-ahead log at open if this is the only process: commits of a process before
	// this one may be in the system's cache only.
	Recover   bool
	BatchSize int    // how many functions may share a transaction; 0 means 256
	Probe     string // a query that NotReady reads with
	// Observe is called after every transaction of Write, before its callers are answered; nil calls
	// nothing. The writer waits for it: it must return at once.
	Observe func(Commit)
	// Report is called by the writer if a transaction succeeds (nil) or fails for a reason that an operator must
	// know. all says that it concerns all transactions.
	Report func(err error, all bool)
	Now    func() time.Time // nil means time.Now
}

// DB is an open database. All methods are safe for concurrent use.
type DB struct {
	path, base string
	opt        Options
	health     *health
	readers    *pool
	writer     *writer // nil in read-only mode

	startReading sync.Once
	reads        chan *call // of ReadShared

	files atomic.Pointer[files] // as opened; nil while the database is being reopened
	lost  context.Context       // ends once a file was found removed or replaced
	lose  context.CancelCauseFunc

	probeRead, probeWrite bounded.Call[struct{}]

	closing sync.Once
	closed  chan struct{}
}

// Open opens the database file at path, which must exist and have the right schema: opening it to write changes
// its header.
func Open(path string, opt Options) (*DB, error) {
	base, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Report == nil {
		opt.Report = func(error, bool) {}
	}
	db := &DB{path: path, base: base, opt: opt, health: &health{now: opt.Now}, reads: make(chan *call, maxQueue), closed: make(chan struct{})}
	db.lost, db.lose = context.WithCancelCause(context.Background())
	db.readers = newPool(db.openReader)
	if opt.ReadOnly {
		return db, nil
	}
	if db.writer, err = startWriter(db); err != nil {
		return nil, err
	}
	go db.watch()
	return db, nil
}

// openReader opens a connection that reads. Next to a writer it cannot harm a file that was put in the
// database's place just now: the last connection that may write a file plays the WAL next to it into it.
func (db *DB) openReader() (*Conn, error) {
	if db.writer == nil {
		return openConn(db.path, accessShared, false)
	}
	c, err := openConn(db.path, accessRead, false)
	if err != nil {
		return nil, err
	}
	if err := db.checkFiles(); err != nil { // it may have opened another file
		c.discard()
		return nil, err
	}
	return c, nil
}

// Close waits for what is being committed, answers the rest with ErrClosed, and closes the
// connections. It may be called more than once.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		close(db.closed)
		if db.writer == nil {
			db.readers.close()
			return
		}
		<-db.writer.done
		db.readers.close()
		err = db.writer.close() // after the readers: the last connection to close empties the WAL
	})
	return err
}

// Queued returns how many functions wait for a transaction.
func (db *DB) Queued() int {
	if db.writer == nil {
		return 0
	}
	return len(db.writer.queue)
}

// Size returns how many bytes the database and its write-ahead log take on the disk. Without a log,
// that is 0.
func (db *DB) Size() (database, wal int64, err error) {
	info, err := os.Stat(db.base)
	if err != nil {
		return 0, 0, err
	}
	log, err := os.Stat(db.base + walSuffix)
	if err != nil {
		return info.Size(), 0, ifExists(err)
	}
	return info.Size(), log.Size(), nil
}

// Lost is closed once a file of the database was found removed or replaced. From then on every read and write
// fails with Err.
func (db *DB) Lost() <-chan struct{} { return db.lost.Done() }

// Err returns why the database is lost, or nil.
func (db *DB) Err() error { return context.Cause(db.lost) }

// checkEvery is how often the names are checked without a commit. The process must end within a second.
const checkEvery = 250 * time.Millisecond

// watch checks the names of the files. It is not the writer's job: a disk that hangs holds the writer.
func (db *DB) watch() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = db.checkFiles() // other errors are for the next commit
		case <-db.closed:
			return
		case <-db.Lost():
			return
		}
	}
}

// checkFiles returns an error unless the files are known to be in place. The database is lost if one was
// removed or replaced. While the database is being reopened there is nothing to compare with.
func (db *DB) checkFiles() error {
	f := db.files.Load()
	if f == nil {
		return nil
	}
	err := f.check()
	if errors.Is(err, ErrReplaced) && db.files.Load() == f { // not reopened meanwhile
		db.lose(err)
	}
	return err
}

// Write runs f in a transaction that it may share with other functions, and returns once its changes are
// durable.
//
// f may run twice: if one function of a transaction returns an error, all are rolled back and each runs alone. So
// it must set its results afresh every time. They must not be used if Write returns an error.
//
// If ctx ends first, Write returns. f does not run any more then, unless it is being committed right now.
// The error is ErrQueueFull if too many functions wait.
func (db *DB) Write(ctx context.Context, f func(*Conn) error) error {
	if db.writer == nil {
		return ErrReadOnly
	}
	c := newCall(ctx, f)
	select {
	case db.writer.queue <- c:
		return c.wait(db.writer.done)
	default:
		return ErrQueueFull
	}
}

// WriteAlone runs f once, in a transaction of its own, and returns once it is durable or was rolled back. ctx
// bounds the wait for the write lock.
func (db *DB) WriteAlone(ctx context.Context, f func(*Conn) error) error {
	if db.writer == nil {
		return ErrReadOnly
	}
	c := newCall(ctx, f)
	select {
	case db.writer.alone <- c:
		<-c.done
		return c.err
	case <-db.writer.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for the writer: %w", ctx.Err())
	}
}

// bulkPause is how long a bulk writer leaves the lock alone after each transaction: longer than
// the writer's poll, so a server on the same database gets its turn after every batch.
const bulkPause = 3 * time.Millisecond

// WriteBulk is WriteAlone for one batch of many.
func (db *DB) WriteBulk(ctx context.Context, f func(*Conn) error) error {
	err := db.WriteAlone(ctx, f)
	if err == nil {
		select {
		case <-time.After(bulkPause):
		case <-db.closed:
		}
	}
	return err
}
