package engine

import (
	"errors"
	"fmt"
	"math"

	"modernc.org/sqlite"
)

const (
	// checkpointAfter is how many pages the writer adds to the WAL before it copies the WAL into the
	// database: about 4 MB.
	checkpointAfter = 1000
	// checkpointAgain is how many more it adds if a reader held a part of the WAL up.
	checkpointAgain = 100
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
		var whole bool
		whole, err = w.conn.copyWAL()
		w.wal.pages = 0
		if !whole {
			w.wal.pages = checkpointAfter - checkpointAgain
		}
	}
	if err != nil {
		w.judge(fmt.Errorf("copy the write-ahead log into the database: %w", err))
	}
}

// copyWAL copies into the database what no reader holds up, and reports whether that was all.
func (c *Conn) copyWAL() (whole bool, err error) {
	var busy bool
	var pages, copied int64
	_, err = c.Query("PRAGMA wal_checkpoint(PASSIVE)").One(&busy, &pages, &copied)
	return !busy && pages == copied, err
}

// emptyWAL copies the whole WAL into the database, fsyncs it, and empties the WAL. The error is errWALBusy
// while another process reads or writes.
func (c *Conn) emptyWAL() error {
	var busy bool
	var pages, copied int64
	err := c.Pragma("wal_checkpoint(TRUNCATE)", &busy, &pages, &copied)
	if err == nil && busy {
		err = errWALBusy
	}
	return err
}

// emptyWALPatiently waits a moment for locks of others.
func (c *Conn) emptyWALPatiently() error {
	if err := c.Pragma("busy_timeout = 250"); err != nil {
		return err
	}
	return errors.Join(c.emptyWAL(), c.Pragma("busy_timeout = 0"))
}
