// Package engine keeps one SQLite file open in WAL mode: connections that only read, one writer that commits many
// functions at once, and the recovery from disk errors. It knows no table.
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
	// Recover empties the WAL at open: an earlier process's commits may be in the system's cache only.
	Recover   bool
	BatchSize int    // how many functions may share a transaction; 0 means the default
	Probe     string // a query that NotReady reads with
	// Observe, if set, is called after every transaction of Write, before its answers. It must return at once.
	Observe func(Commit)
	// Report receives nil after a success, or what an operator must know. all means: no transaction succeeds.
	Report func(err error, all bool)
	Now    func() time.Time
}

// DB is an open database, safe for concurrent use.
type DB struct {
	path, base string
	opt        Options
	health     health
	writer     *writer // nil in read-only mode

	reads, writes, alone chan *call // of ReadShared, Write and WriteAlone

	readers  chan *Conn // idle connections that read; nil if not opened yet
	unopened error      // of the last reopening; read with one reader in hand, changed with all

	files atomic.Pointer[files] // as opened; nil while the database is being reopened
	lost  context.Context       // ends once a file was found removed or replaced
	lose  context.CancelCauseFunc

	probeRead, probeWrite bounded.Call[struct{}]

	closing sync.Once
	closed  chan struct{}
}

// maxQueue is a hundred times what a healthy disk leaves waiting.
const maxQueue = 8192

// Open requires an existing database of the right schema: it changes the header.
func Open(path string, opt Options) (*DB, error) {
	base, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	db := &DB{
		path: path, base: base, opt: opt, health: health{now: opt.Now}, closed: make(chan struct{}),
		reads: make(chan *call, maxQueue), writes: make(chan *call, maxQueue), alone: make(chan *call),
		readers: make(chan *Conn, maxReaders),
	}
	db.lost, db.lose = context.WithCancelCause(context.Background())
	db.putReaders(make([]*Conn, maxReaders))
	if !opt.ReadOnly {
		if err := db.startWriter(); err != nil {
			return nil, err
		}
	}
	for range readWorkers {
		go db.answerReads()
	}
	return db, nil
}

// Close waits for running calls and answers the rest with ErrClosed. It may be called more than once.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		close(db.closed)
		if db.writer != nil {
			<-db.writer.done
		}
		_ = db.closeReaders(nil) // without a limit it cannot fail
		if db.writer != nil {
			err = db.writer.close() // last: the last connection to close empties the WAL
		}
	})
	return err
}

// Queued returns how many functions wait for a transaction.
func (db *DB) Queued() int { return len(db.writes) }

// Size returns the bytes of the database and its WAL.
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

// Lost is closed if a file was removed or replaced. Then all calls fail with Err.
func (db *DB) Lost() <-chan struct{} { return db.lost.Done() }

// Err returns why the database is lost, or nil.
func (db *DB) Err() error { return context.Cause(db.lost) }

// checkEvery lets a process that lost its database end within a second.
const checkEvery = 250 * time.Millisecond

// watch runs apart from the writer, which may hang with its disk.
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

// checkFiles marks the database lost if a file was removed or replaced. During a reopening it compares nothing.
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
