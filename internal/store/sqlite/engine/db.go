// Package engine keeps one SQLite file open in WAL mode with full durability: a pool of readers that cannot
// write, one writer that commits many functions at once, and the recovery from errors of the disk. It
// knows no table.
package engine

import (
	"context"
	"errors"
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
	// Observe is called after every transaction of Write, before its callers are answered. The writer waits
	// for it: it must return at once.
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
	health     health
	readers    *pool
	writer     *writer // nil in read-only mode

	reads, writes, alone chan *call // of ReadShared, Write and WriteAlone
	startReading         sync.Once

	files atomic.Pointer[files] // as opened; nil while the database is being reopened
	lost  context.Context       // ends once a file was found removed or replaced
	lose  context.CancelCauseFunc

	probeRead, probeWrite bounded.Call[struct{}]

	closing sync.Once
	closed  chan struct{}
}

// maxQueue bounds the functions that wait. It is a hundred times what a healthy disk leaves waiting.
const maxQueue = 8192

// Open opens the database file at path, which must exist and have the right schema: opening it to write changes
// its header.
func Open(path string, opt Options) (*DB, error) {
	if opt.BatchSize == 0 {
		opt.BatchSize = 256
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Observe == nil {
		opt.Observe = func(Commit) {}
	}
	if opt.Report == nil {
		opt.Report = func(error, bool) {}
	}
	base, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	db := &DB{
		path: path, base: base, opt: opt, health: health{now: opt.Now}, closed: make(chan struct{}),
		reads: make(chan *call, maxQueue), writes: make(chan *call, maxQueue), alone: make(chan *call),
	}
	db.lost, db.lose = context.WithCancelCause(context.Background())
	db.readers = newPool(db.openReader)
	if !opt.ReadOnly {
		err = db.startWriter()
	}
	return db, err
}

// Close waits for what is being committed, answers the rest with ErrClosed, and closes the
// connections. It may be called more than once.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		close(db.closed)
		if db.writer != nil {
			<-db.writer.done
		}
		db.readers.close()
		if db.writer != nil {
			err = db.writer.close() // after the readers: the last connection to close empties the WAL
		}
	})
	return err
}

// Queued returns how many functions wait for a transaction.
func (db *DB) Queued() int { return len(db.writes) }

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
	for db.Err() == nil {
		select {
		case <-tick.C:
			_ = db.checkFiles() // other errors are for the next commit
		case <-db.closed:
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
