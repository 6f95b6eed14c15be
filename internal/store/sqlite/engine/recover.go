package engine

import (
	"errors"
	"os"
	"time"
)

// retryEvery costs a few system calls a try.
const retryEvery = 250 * time.Millisecond

// fail stops all transactions until the recovery.
func (w *writer) fail(err error) {
	w.failed = err
	w.db.health.note(err)
	w.db.opt.Report(err, true)
	if w.retry == nil {
		w.retry = time.After(retryEvery)
	}
}

// recover reopens a failed database, or retries later.
func (w *writer) recover() {
	w.retry = nil
	if w.db.Err() != nil {
		return
	}
	if err := inOrder(w.db.checkFiles, w.tryCommit, w.reopen, w.restartWAL); err != nil {
		w.fail(err)
		return
	}
	w.failed = nil
	w.judge(nil)
}

func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// tryCommit comes before any close: a failed disk can take seconds to reject a write, and still be read meanwhile.
func (w *writer) tryCommit() error {
	if w.conn == nil {
		return nil
	}
	c, err := openConn(w.db.path, accessShared, true)
	if err != nil {
		return err
	}
	defer c.discard()
	return inOrder(func() error { return c.Pragma("wal_autocheckpoint = 0") }, c.commitNothing)
}

// commitNothing sets the unused user version to what it is. SQLite still writes the header page to the WAL and fsyncs.
func (c *Conn) commitNothing() error { return c.Pragma("user_version = 0") }

// reopen closes all connections as a crash would, and opens the database again.
//
// After a failed write only the WAL up to the last acknowledged commit is known to be on disk. The system has dropped
// the pages, calls them clean, and the next fsync succeeds, also that of a half-checkpointed database. So nothing is
// checkpointed on the way out, and SQLite forgets what it has copied when the last connection is gone. Another process
// that has the file open keeps that memory; its disk fails as well, and it must end too.
func (w *writer) reopen() (err error) {
	var witness *Conn
	if w.conn != nil {
		if witness, err = openWitness(w.db.path); err != nil {
			return err
		}
	}
	reopened := false
	err = w.db.withoutReaders(func() error {
		w.db.files.Store(nil)
		w.conn.discard()
		witness.discard()
		w.conn, reopened = nil, true
		return w.open()
	})
	if !reopened {
		witness.discard()
	}
	return err
}

// restartWAL empties the WAL and proves that the disk takes a commit. The WAL can hold a commit whose fsync failed,
// read from the system's cache: a commit behind it would be lost with it. Another process that reads can delay this.
func (w *writer) restartWAL() error {
	return inOrder(func() error { return w.conn.emptyWAL(lockWait) }, w.conn.commitNothing)
}

// openWitness opens a connection that cannot write: if it closes last, SQLite neither checkpoints nor deletes the WAL.
func openWitness(path string) (*Conn, error) {
	c, err := openConn(path, accessRead, false)
	if err != nil {
		return nil, err
	}
	if err := c.touch(); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// touch opens the companion files, or creates them.
func (c *Conn) touch() error {
	_, err := c.Query("SELECT count(*) FROM sqlite_schema").Exists()
	return err
}

// open opens the connection that writes. Opened again, the file must be the same.
//
// The writer waits for locks itself: SQLite's waits grow to 100 ms, and a process that commits batch after batch could
// overtake it forever. SQLite checkpoints only a WAL that other processes have made four times as long, about 16 MB.
func (w *writer) open() (err error) {
	path := w.db.path
	defer func() {
		if errors.Is(err, ErrReplaced) {
			w.db.lose(err)
		}
	}()
	before, err := os.Stat(path)
	if err != nil {
		return unseen(err)
	}
	if w.files != nil && !os.SameFile(before, w.files.db) {
		return ErrReplaced
	}
	c, err := openConn(path, accessShared, true)
	if err != nil {
		return err
	}
	var f *files
	if err = c.touch(); err == nil {
		f, err = noteFiles(path, w.db.base, before)
	}
	if err == nil {
		err = errors.Join(c.Pragma("busy_timeout = 0"), c.Pragma("wal_autocheckpoint = 4000"))
	}
	if err != nil {
		closeWithoutTrace(path, c)
		return err
	}
	w.conn, w.files, w.wal = c, f, backlog{}
	w.db.files.Store(f)
	return nil
}

// closeWithoutTrace neither checkpoints nor deletes a file by its name.
func closeWithoutTrace(path string, c *Conn) {
	if witness, err := openWitness(path); err == nil {
		defer witness.discard()
	}
	c.discard()
}

// close lets SQLite checkpoint and delete the WAL only if the database is ok: it deletes by name, and the name may be
// another file's now.
func (w *writer) close() (err error) {
	if w.conn == nil {
		return nil
	}
	if w.failed == nil && w.files.check() == nil {
		return w.conn.close()
	}
	if w.failed == nil && w.files.walNeedsCopy() {
		err = w.conn.emptyWAL(lockWait)
	}
	if checkSame(w.files.path, w.files.db) == nil {
		closeWithoutTrace(w.db.path, w.conn)
	} else {
		w.conn.discard() // SQLite notices itself that the database has moved
	}
	return err
}
