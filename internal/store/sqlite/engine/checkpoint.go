package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"modernc.org/sqlite"
)

const (
	// checkpointAfter is how many pages the writer adds to the WAL before it copies the WAL into the
	// database: about 4 MB.
	checkpointAfter = 1000
	// checkpointAgain is how many more it adds if a reader held a part of the WAL up.
	checkpointAgain = 100
	// lockWait is how long emptying the WAL waits for other processes.
	lockWait = 250 * time.Millisecond
)

// backlog counts the pages that a connection has written since the last checkpoint. SQLite's counter has 31
// bits and wraps.
type backlog struct {
	counter int   // SQLite's, at the last look
	pages   int64 // ours
}

func (b *backlog) add(counter int) {
	b.pages += int64((counter - b.counter) & math.MaxInt32)
	b.counter = counter
}

// checkpoint copies the WAL into the database if enough was added to it. SQLite would do it within a
// commit, whose callers would wait for it, and would hide a failure: a failed fsync reports its error only
// once, and the next one of the same file succeeds with the pages lost.
func (w *writer) checkpoint() {
	if w.conn == nil || w.failed != nil || w.db.Err() != nil {
		return
	}
	written, _, err := w.conn.raw.(sqlite.DBStatus).Status(sqlite.DBStatusCacheWrite, false)
	if err == nil {
		if w.wal.add(written); w.wal.pages < checkpointAfter {
			return
		}
		w.wal.pages = checkpointAfter - checkpointAgain
		var busy bool
		var pages, copied int64
		err = w.conn.Pragma("wal_checkpoint(PASSIVE)", &busy, &pages, &copied)
		if !busy && pages == copied {
			w.wal.pages = 0
		}
	}
	if err != nil {
		w.judge(fmt.Errorf("copy the write-ahead log into the database: %w", err))
	}
}

// emptyWAL copies the whole WAL into the database, fsyncs it, and empties the WAL. It waits for locks of other
// processes. The error is errWALBusy if they do not end in time.
func (c *Conn) emptyWAL(wait time.Duration) error {
	var busy bool
	var pages, copied int64
	err := c.Pragma(fmt.Sprintf("busy_timeout = %d", wait.Milliseconds()))
	if err == nil {
		err = c.Pragma("wal_checkpoint(TRUNCATE)", &busy, &pages, &copied)
	}
	if err == nil && busy {
		err = errWALBusy
	}
	return errors.Join(err, c.Pragma("busy_timeout = 0"))
}
