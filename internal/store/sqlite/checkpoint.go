package sqlite

import (
	"fmt"

	"modernc.org/sqlite"
)

const (
	// checkpointAfter is how many pages the writer adds to the log before it copies the log into the
	// database: about 4 MB.
	checkpointAfter = 1000
	// checkpointAgain is how many more it adds when a reader held a part of the log up.
	checkpointAgain = 100
)

// checkpoint copies the log into the database when enough was added to it. SQLite would do it within a
// commit, whose callers would wait for it, and would keep to itself that it failed: an fsync that fails
// tells so once, and the next one of the same file succeeds with the pages lost.
func (w *writer) checkpoint() {
	if w.conn == nil || w.sick.cause != nil {
		return
	}
	written, err := w.conn.pagesWritten()
	if err == nil && written < w.checkpointAt {
		return
	}
	whole := false
	if err == nil {
		whole, err = w.conn.copyLog()
	}
	w.checkpointAt = written + checkpointAgain
	if whole {
		w.checkpointAt = written + checkpointAfter
	}
	if err != nil {
		w.judge(fmt.Errorf("copy the log into the database: %w", err))
	}
}

// pagesWritten counts what the connection has added to the log.
func (c *conn) pagesWritten() (int, error) {
	n, _, err := c.raw.(sqlite.DBStatus).Status(sqlite.DBStatusCacheWrite, false)
	return n, err
}

// copyLog copies into the database what no reader holds up, and tells whether that was all.
func (c *conn) copyLog() (whole bool, err error) {
	err = c.query(func(r row) error {
		whole = r.int(0) == 0 && r.int(1) == r.int(2)
		return nil
	}, "PRAGMA wal_checkpoint(PASSIVE)")
	return whole, err
}
