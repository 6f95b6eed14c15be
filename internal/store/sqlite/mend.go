package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// mend brings a sick writer back into service, at most once in mendEvery, and returns why it could not.
func (w *writer) mend() error {
	if time.Now().Before(w.sick.next) {
		return w.sick.cause
	}
	err := w.remedy()
	if err != nil {
		w.sick.next = time.Now().Add(mendEvery)
		w.sick.retry = nil
		w.fall(err)
		return err
	}
	if w.sick.cause != nil { // a commit has proved it; a connection that was only opened anew proves nothing
		w.store.health.note(nil)
	}
	w.sick.cause, w.sick.next, w.sick.retry = nil, time.Time{}, nil
	w.sick.last = time.Time{}
	w.tellWell()
	return nil
}

// remedy chooses what is to be done.
func (w *writer) remedy() error {
	if w.sick.cause != nil {
		return w.renew()
	}
	if err := w.store.wholeInPlace(); err != nil {
		return err
	}
	// The connection met a damaged page, which its cache would keep when the disk is mended.
	c, _, err := openWriter(w.store.path)
	if err != nil {
		return err
	}
	w.conn.discard()
	w.conn, w.checkpointAt = c, 0
	return nil
}

// renew opens the database anew, with everything closed in between, as a new process would. An error
// leaves the store sick: with the connections it had when the disk is too sick to try, and with new
// ones that read when only the log could not be begun anew.
func (w *writer) renew() error {
	now, err := w.store.present()
	if err != nil {
		return err
	}
	lost := false
	if w.conn != nil && os.SameFile(now, w.store.place.db) {
		// Before the readers are held: a sick disk can take seconds to refuse a write, and reads meanwhile.
		if lost, err = w.trial(); err != nil {
			return err
		}
	}
	if err := w.exchange(now, lost); err != nil {
		return err
	}
	return w.beginLog()
}

// present returns what path names at this moment.
func (s *Store) present() (os.FileInfo, error) {
	now, err := os.Stat(s.path)
	if err != nil {
		return nil, unseen(err)
	}
	return now, nil
}

// trial has the disk show that it takes a commit: a connection that reads is better than none on a disk
// that is sick. It tells whether the log has lost its name instead: then there is nothing to try it on.
func (w *writer) trial() (lost bool, err error) {
	if lost, err = w.store.place.logLost(); err != nil || lost {
		return lost, err
	}
	return false, prove(w.store.path)
}

// exchange closes all connections and opens the database that path names, which is now.
func (w *writer) exchange(now os.FileInfo, lost bool) error {
	s := w.store
	readers, err := s.holdReaders()
	if err != nil {
		return err
	}
	defer func() { s.releaseReaders(readers) }()
	again, err := s.present()
	if err != nil {
		return err
	}
	if !os.SameFile(now, again) {
		return ErrReplaced // once more meanwhile
	}
	if os.SameFile(now, s.place.db) {
		err = w.leave(readers, lost)
	} else {
		err = w.abandonFile(readers, now)
	}
	if err != nil {
		return err
	}
	clear(readers)
	w.conn = nil
	s.away = w.arrive()
	return s.away
}

// leave closes every connection to the file that is still in place.
//
// It closes them as a crash would: nothing is checkpointed on the way out. After a write that failed
// nobody knows what the disk holds. The system has dropped the pages, it calls them clean, and the next
// fsync of the file succeeds (that of the database too, into which an earlier checkpoint may have
// copied a part of the log without an fsync yet). The log up to the last commit that was acknowledged
// is what is known to be on disk. So SQLite must forget what it has copied already, which it does when
// the last connection is gone without a trace, and copy all of the log again. Where another process
// has the file open, what was copied is remembered: its disk is as sick, and it must end as well.
func (w *writer) leave(readers []*conn, lost bool) error {
	if lost {
		// The log lives on without a name, and holds the latest commits. The database is in place.
		if err := w.conn.emptyLog(); err != nil {
			return err
		}
	}
	witness, err := openWitness(w.store.path)
	if err != nil {
		return err
	}
	discardAll(append(readers, w.conn, witness))
	return nil
}

// abandonFile closes every connection to a file that is not in place any more, when the one in its
// place can be opened. SQLite itself sees to it that nothing is checkpointed or deleted then.
func (w *writer) abandonFile(readers []*conn, now os.FileInfo) error {
	s := w.store
	if err := checkCandidate(s.path); err != nil {
		return err
	}
	names, err := s.place.setAside(s.path)
	if len(names) > 0 {
		w.log.Warn("another database is in place: the log of the one before was set aside, and is needed to read that one",
			"files", names, "do", "keep the files with the database that was moved away")
	}
	if err != nil {
		return err
	}
	discardAll(append(readers, w.conn))
	// The old files are closed, and others may get their numbers: they must not be taken for them.
	s.place = place{base: s.place.base, db: now}
	return nil
}

// arrive opens the database that path names.
func (w *writer) arrive() error {
	s := w.store
	if _, _, err := ensureSchema(context.Background(), s.path, ReadWrite); err != nil {
		return replacedBy(err)
	}
	c, p, err := openWriter(s.path)
	if err != nil {
		return err
	}
	w.conn, s.place, w.checkpointAt = c, p, checkpointAfter
	return nil
}

// beginLog begins the log of a database that was just opened anew. Nothing is written to the one it has:
// that may hold a commit whose fsync failed, read back from the system's cache and not from the disk, and
// a commit behind that one would be lost with it. So the log is copied into the database first, with an
// fsync. After that a commit proves that the disk takes one. Readers do not wait for it: another process
// that reads can hold it up for as long as it likes.
func (w *writer) beginLog() error {
	err := w.conn.patient(w.conn.emptyLog)
	if err == nil {
		_, err = w.conn.exec("PRAGMA user_version = 0")
	}
	return err
}

// checkCandidate tells whether the file at path is a complete database of this program's schema, with users,
// without touching the companions beside it, which may be another's. A copy that is not complete
// yet is too short for its own header, and refused.
func checkCandidate(path string) error {
	c, err := openAs(path, accessAlone, pragmas(false))
	if err != nil {
		return replacedBy(err)
	}
	defer c.discard()
	version, err := c.schemaVersion()
	if err == nil {
		err = current(version)
	}
	if err == nil {
		err = c.inhabited()
	}
	return replacedBy(err)
}

// inhabited refuses a database without users. A command that makes a missing database can put one in the
// place of a database that was moved away for a moment; it would sign everybody out.
func (c *conn) inhabited() error {
	found, err := c.one(func(row) {}, `SELECT 1 FROM users LIMIT 1`)
	if err == nil && !found {
		err = errors.New("it holds no users")
	}
	return err
}

// replacedBy says of the file that was found at path why it cannot be opened.
func replacedBy(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errForeign, err)
}

// prove commits, on a connection of its own, without changing anything.
func prove(path string) error {
	c, err := openConn(path, true)
	if err != nil {
		return err
	}
	defer c.discard()
	if _, err := c.exec("PRAGMA wal_autocheckpoint = 0"); err != nil {
		return err
	}
	_, err = c.exec("PRAGMA user_version = 0")
	return err
}

// openWitness opens a connection that cannot write the file. When it is the last one to be closed,
// SQLite neither checkpoints nor deletes the log.
func openWitness(path string) (*conn, error) {
	c, err := openAs(path, accessRead, pragmas(false))
	if err != nil {
		return nil, err
	}
	if err := c.touch(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func discardAll(all []*conn) {
	for _, c := range all {
		if c != nil {
			c.discard()
		}
	}
}
