package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	w.sick.cause, w.sick.next, w.sick.retry = nil, time.Time{}, nil
	w.store.health.note(nil)
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
// leaves the store sick: with the connections it had, when the disk is too sick to try.
func (w *writer) renew() error {
	s := w.store
	readers, err := s.holdReaders()
	if err != nil {
		return err
	}
	defer func() { s.releaseReaders(readers) }()
	now, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrReplaced
	case err != nil:
		return fmt.Errorf("%w (%w)", ErrReplaced, withoutPath(err))
	case os.SameFile(now, s.place.db):
		err = w.leave(readers)
	default:
		err = w.abandonFile(readers)
	}
	if err != nil {
		return err
	}
	clear(readers)
	w.conn = nil
	s.away = w.arrive()
	return s.away
}

// leave closes every connection to the file that is still in place, once the disk has shown that it
// takes a commit: a connection that reads is better than none on a disk that is sick.
//
// It closes them as a crash would: nothing is checkpointed on the way out. After a write that failed
// nobody knows what the disk holds. The system has dropped the pages, it calls them clean, and the next
// fsync of the file succeeds (that of the database too, into which an earlier checkpoint may have
// copied a part of the log without an fsync yet). The log up to the last commit that was acknowledged
// is what is known to be on disk. So SQLite must forget what it has copied already, which it does when
// the last connection is gone without a trace, and copy all of the log again.
func (w *writer) leave(readers []*conn) error {
	s := w.store
	lost := false
	if w.conn != nil {
		var err error
		if lost, err = s.place.logLost(); err != nil {
			return err
		}
	}
	switch {
	case lost:
		// The log lives on without a name, and holds the latest commits. The database is in place.
		if err := w.conn.emptyLog(); err != nil {
			return err
		}
	case w.conn != nil:
		if err := prove(s.path); err != nil {
			return err
		}
	}
	witness, err := openWitness(s.path)
	if err != nil {
		return err
	}
	discardAll(append(readers, w.conn, witness))
	return nil
}

// abandonFile closes every connection to a file that is not in place any more, when the one in its
// place can be opened. SQLite itself sees to it that nothing is checkpointed or deleted then.
func (w *writer) abandonFile(readers []*conn) error {
	s := w.store
	if err := checkCandidate(s.path); err != nil {
		return err
	}
	names, err := s.place.setAside(s.path)
	if len(names) > 0 {
		w.log.Warn("another database is in place: the log of the one before was set aside, and is needed to read that one", "files", names)
	}
	if err != nil {
		return err
	}
	discardAll(append(readers, w.conn))
	return nil
}

// arrive opens the database that path names. Nothing is written to the log it finds: it may hold a
// commit whose fsync failed, read back from the system's cache and not from the disk, and a commit
// behind that one would be lost with it. So the log is copied into the database first, with an fsync,
// and begun anew. After that a commit proves that the disk takes one.
func (w *writer) arrive() error {
	s := w.store
	if _, _, err := ensureSchema(context.Background(), s.path, ReadWrite); err != nil {
		return replacedBy(err)
	}
	c, p, err := openWriter(s.path)
	if err != nil {
		return err
	}
	if err = c.emptyLog(); err == nil {
		_, err = c.exec("PRAGMA user_version = 0")
	}
	if err != nil {
		c.discard()
		return err
	}
	w.conn, s.place, w.checkpointAt = c, p, checkpointAfter
	return nil
}

// checkCandidate tells whether the file at path is a complete database of this program's schema,
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
	return replacedBy(err)
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
