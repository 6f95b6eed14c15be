// Package spool keeps the attempts that the store could not take, in a file of JSON lines next to the database.
// Several processes share it.
//
// Files next to a database triport.db, all with mode 0600:
//
//	triport.db.spool             what waits
//	triport.db.spool.<n>         a segment: the part that is being drained
//	triport.db.spool.bad         dead letters: lines that contain no attempt, for the operator
//	triport.db.spool.lock        held while .spool is appended to or renamed
//	triport.db.spool.drain.lock  held by the process that drains
//
// Lock files are never removed: otherwise two processes could hold a lock of the same name.
package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/referral"
)

// Spool is the spool of one database. Safe for concurrent use, also by other processes.
type Spool struct {
	path     string               // of the file that is appended to; the other names begin with it
	queue    chan *entry          // for the next write
	turn     chan struct{}        // holds a token while an Append writes
	failed   bool                 // the last write failed; guarded by turn
	written  written              // guarded by turn
	backoff  backoff              // of carried segments
	syncFile func(*os.File) error // replaced by tests, like syncDir
	syncDir  func(dir string) error
}

// New returns the spool of the database file: the same one for all names of the file.
func New(database string) *Spool {
	return &Spool{
		path: fsutil.RealPath(database) + ".spool", queue: make(chan *entry, maxQueue), turn: make(chan struct{}, 1),
		syncFile: (*os.File).Sync, syncDir: fsutil.SyncDir,
	}
}

// DeadLetterFile returns the name of the dead-letter file. It exists after the first dead letter.
func (s *Spool) DeadLetterFile() string { return s.path + ".bad" }

func (s *Spool) dir() string { return filepath.Dir(s.path) }

// maxQueue limits the appends that wait: a disk that hangs must not fill the memory.
const maxQueue = 1024

// entry is one call of Append.
type entry struct {
	ctx  context.Context // of the caller
	key  key
	line []byte
	done chan error // for one result; buffered, because the caller may be gone
}

// Append makes the attempt durable, or an equal one of the same user and code: see written. Concurrent calls share an
// fsync. After ctx, the line may still be written.
func (s *Spool) Append(ctx context.Context, a referral.Attempt) error {
	e := &entry{ctx: ctx, key: keyOf(a), line: append(referral.FormatLine(a), '\n'), done: make(chan error, 1)}
	for queue := s.queue; ; {
		select {
		case queue <- e:
			queue = nil // once
		case err := <-e.done:
			return err
		case s.turn <- struct{}{}:
			// In a goroutine: a disk that hangs must not hold the caller beyond its ctx.
			go s.writeQueue(ctx)
		case <-ctx.Done():
			return fmt.Errorf("append to the spool: %w", ctx.Err())
		}
	}
}

// writeQueue writes the queue and gives the turn back. If ctx ends before it has the lock, the next turn writes.
func (s *Spool) writeQueue(ctx context.Context) {
	defer func() { <-s.turn }()
	unlock, err := s.lock(ctx, appendLock, appendPoll)
	if err != nil && ctx.Err() != nil {
		return
	}
	var batch []*entry
	for len(s.queue) > 0 {
		if e := <-s.queue; e.ctx.Err() == nil {
			batch = append(batch, e)
		}
	}
	if err == nil {
		err = s.write(batch)
		unlock()
	}
	if err != nil {
		err = fmt.Errorf("append to the spool: %w", err)
	}
	for _, e := range batch {
		e.done <- err
	}
}

// write makes all lines of the batch durable or, on an error, none of them. It leaves out those that the file has. After
// a failed write it begins with a newline: the disk may lack the end of the last line, and a crash would join it to the
// next one.
func (s *Spool) write(batch []*entry) (err error) {
	if len(batch) == 0 {
		return nil
	}
	f, size, end, err := s.openAppend(s.path)
	if err != nil {
		s.failed = true
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.written.check(f)
	if s.failed && size > 0 {
		end = "\n"
	}
	lines, keys := s.written.newLines(batch)
	if len(lines) == 0 {
		return nil
	}
	if _, err = f.Write(append([]byte(end), lines...)); err == nil {
		err = s.syncFile(f)
	}
	if s.failed = err != nil; err != nil { // the callers keep the attempts elsewhere
		return errors.Join(err, f.Truncate(size))
	}
	s.written.add(f, keys)
	return nil
}
