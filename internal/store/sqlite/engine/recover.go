package engine

import (
	"errors"
	"os"
	"time"
)

// retryEvery is how often the recovery of a failed database is tried. A try costs a few system calls
// while the disk fails; what waits meanwhile waits elsewhere.
const retryEvery = 250 * time.Millisecond

// fail stops all transactions until the database has recovered.
func (w *writer) fail(err error) {
	w.failed = err
	if w.retry == nil {
		w.retry = time.After(retryEvery)
	}
	w.db.health.note(err)
	w.tell(func(m Monitor) { m.Unavailable(err) })
}

// recover tries to bring a failed database back into service.
func (w *writer) recover() {
	w.retry = nil
	if w.db.Err() != nil {
		return
	}
	if err := w.tryRecovery(); err != nil {
		w.fail(err)
		return
	}
	w.failed = nil
	w.judge(nil)
}

// tryRecovery is the way back after an error of the disk. An error leaves the database failed, with the readers
// that it had or with new ones.
func (w *writer) tryRecovery() error {
	if w.conn != nil {
		if err := w.db.checkFiles(); err != nil {
			return err
		}
		// Before anything is closed: a failed disk can take seconds to reject a write, and still be read meanwhile.
		if err := tryCommit(w.db.path); err != nil {
			return err
		}
	}
	if err := w.reopen(); err != nil {
		return err
	}
	return w.restartWAL()
}

// tryCommit commits, on a connection of its own, without changing anything.
func tryCommit(path string) error {
	c, err := openConn(path, accessShared, pragmas(true))
	if err != nil {
		return err
	}
	defer c.discard()
	if err := c.Pragma("wal_autocheckpoint = 0"); err != nil {
		return err
	}
	return c.commitNothing()
}

// commitNothing sets the user version, which nothing uses, to what it is. SQLite still writes the header page to
// the WAL and fsyncs it.
func (c *Conn) commitNothing() error { return c.Pragma("user_version = 0") }

// reopen closes all connections as a crash would, and opens the database again.
//
// After a failed write nobody knows what the disk holds. The system has dropped the pages, calls them
// clean, and the next fsync of the file succeeds (also that of the database, into which an earlier
// checkpoint may have copied a part of the WAL without an fsync yet). Only the WAL up to the last acknowledged
// commit is known to be on disk. So nothing is checkpointed on the way out, and SQLite must forget what it
// has copied already: it does when the last connection is gone. Another process that has the
// file open keeps that memory; its disk fails as well, and it must end too.
func (w *writer) reopen() error {
	var witness *Conn
	if w.conn != nil {
		var err error
		if witness, err = openWitness(w.db.path); err != nil {
			return err
		}
	}
	var failed error
	err := w.db.readers.reset(func() opener {
		w.db.files.Store(nil)
		w.conn.discard()
		witness.discard()
		w.conn = nil
		if failed = w.open(); failed != nil {
			return func() (*Conn, error) { return nil, failed }
		}
		return w.db.openReader
	})
	if err != nil {
		witness.discard()
		return err
	}
	return failed
}

// restartWAL empties the WAL of a database that was just reopened. Nothing may be written behind what it holds:
// that can be a commit whose fsync failed, read back from the system's cache and not from the disk, and a commit
// behind it would be lost with it. So the WAL is copied into the database with an fsync first. Then a
// commit proves that the disk takes one. Reads do not wait for this: another process that reads can delay it
// for as long as it likes.
func (w *writer) restartWAL() error {
	if err := w.conn.emptyWALPatiently(); err != nil {
		return err
	}
	return w.conn.commitNothing()
}

// openWitness opens a connection that cannot write the file. If it is the last one to close, SQLite neither
// checkpoints nor deletes the WAL.
func openWitness(path string) (*Conn, error) {
	c, err := openConn(path, accessRead, pragmas(false))
	if err != nil {
		return nil, err
	}
	if err := c.touch(); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// open opens the connection that writes and notes the files. Opened again, it must be the same database file.
func (w *writer) open() error {
	path := w.db.path
	db, err := os.Stat(path)
	switch {
	case err != nil && w.files == nil:
		return err
	case err != nil:
		err = unseen(err)
	case w.files != nil && !os.SameFile(db, w.files.db):
		err = ErrReplaced
	}
	var c *Conn
	var f *files
	if err == nil {
		c, f, err = openWriter(path, db)
	}
	if err != nil {
		if w.files != nil && errors.Is(err, ErrReplaced) {
			w.db.declareLost(err)
		}
		return err
	}
	w.conn, w.files, w.wal = c, f, backlog{}
	w.db.files.Store(f)
	return nil
}

// openWriter opens a connection that writes. From then on the caller waits for locks: SQLite's own waits
// grow to 100 ms, long enough to be overtaken forever by a process that commits batch after batch. The
// caller checkpoints too. SQLite does so only for a WAL that other processes have made four times as
// long, about 16 MB.
func openWriter(path string, db os.FileInfo) (*Conn, *files, error) {
	c, err := openConn(path, accessShared, pragmas(true))
	if err != nil {
		return nil, nil, err
	}
	var f *files
	if err = c.touch(); err == nil {
		f, err = noteFiles(path, db)
	}
	if err == nil {
		err = errors.Join(c.Pragma("busy_timeout = 0"), c.Pragma("wal_autocheckpoint = 4000"))
	}
	if err != nil {
		closeWithoutTrace(path, c)
		return nil, nil, err
	}
	return c, f, nil
}

// closeWithoutTrace closes the last connection without a checkpoint and without deleting a file by its
// name.
func closeWithoutTrace(path string, c *Conn) {
	if witness, err := openWitness(path); err == nil {
		defer witness.discard()
	}
	c.discard()
}

// close closes the writer's connection. Only a database that is ok is closed in the usual way, which
// checkpoints and deletes the WAL: SQLite deletes by name, and the name may be another file's now. No acknowledged
// commit is lost by the way out.
func (w *writer) close() error {
	if w.conn == nil {
		return nil
	}
	err := w.files.check()
	if err == nil && w.failed == nil {
		return w.conn.close()
	}
	var lost error
	if w.failed == nil && w.files.walNeedsCopy() {
		lost = w.conn.emptyWALPatiently()
	}
	if same(w.files.path, w.files.db) == nil {
		closeWithoutTrace(w.db.path, w.conn)
	} else {
		w.conn.discard() // SQLite notices itself that the database has moved
	}
	return lost
}
