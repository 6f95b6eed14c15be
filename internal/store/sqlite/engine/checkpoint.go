package engine

import (
	"errors"
	"fmt"
	"math"
	"time"

	"modernc.org/sqlite"
)

const (
	// checkpointAfter is in pages of the WAL: about 4 MB.
	checkpointAfter = 1000
	// checkpointAgain is in pages too, after a reader delayed a checkpoint.
	checkpointAgain = 100
	// lockWait bounds the wait of emptyWAL for other processes.
	lockWait = 250 * time.Millisecond
)

// backlog counts the pages written since the last checkpoint. SQLite's counter has 31 bits and wraps.
type backlog struct {
	counter int   // SQLite's, at the last look
	pages   int64 // ours
}

func (b *backlog) add(counter int) {
	b.pages += int64((counter - b.counter) & math.MaxInt32)
	b.counter = counter
}

// checkpoint copies a long WAL. SQLite would do it within a commit, whose callers would wait, and hide a failure: a
// failed fsync reports its error once, and the next one succeeds with the pages lost.
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
		var all bool
		if all, err = w.conn.copyWAL("PASSIVE"); all {
			w.wal.pages = 0
		}
	}
	if err != nil {
		w.judge(fmt.Errorf("copy the write-ahead log into the database: %w", err))
	}
}

// copyWAL fsyncs the database and reports whether everything was copied.
func (c *Conn) copyWAL(mode string) (all bool, err error) {
	var busy bool
	var pages, copied int64
	err = c.Pragma("wal_checkpoint("+mode+")", &busy, &pages, &copied)
	return err == nil && !busy && pages == copied, err
}

// emptyWAL returns errWALBusy if other processes do not release their locks in time.
func (c *Conn) emptyWAL(wait time.Duration) error {
	err := c.Pragma(fmt.Sprintf("busy_timeout = %d", wait.Milliseconds()))
	if err == nil {
		var all bool
		if all, err = c.copyWAL("TRUNCATE"); err == nil && !all {
			err = errWALBusy
		}
	}
	return errors.Join(err, c.Pragma("busy_timeout = 0"))
}
