package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/triport/triport-console/internal/fsutil"
)

// SQLite finds the write-ahead log and its index by these suffixes of the database's name.
const (
	walSuffix = "-wal"
	shmSuffix = "-shm"
)

// files are the three files of an open database as they were opened; it does not change. A file can be written and
// fsynced long after its name is gone: its content is lost all the same.
type files struct {
	path         string // as configured; may be a symbolic link
	base         string // what the link leads to: the companions are next to it
	db, wal, shm os.FileInfo
}

// noteFiles returns the files that a connection has opened. The connection must have read: that creates the companions.
// db is what path named before it opened, so a file put there meanwhile is noticed.
func noteFiles(path, base string, db os.FileInfo) (*files, error) {
	wal, walErr := os.Stat(base + walSuffix)
	shm, shmErr := os.Stat(base + shmSuffix)
	if err := errors.Join(walErr, shmErr); err != nil {
		return nil, unseen(err)
	}
	return &files{path, base, db, wal, shm}, checkSame(path, db)
}

// check returns ErrReplaced unless all three names still name the opened files: a process that finds another WAL, or
// another index of it, does not see the commits. It costs three system calls of 1 to 2 µs.
func (f *files) check() error {
	return cmp.Or(checkSame(f.path, f.db), f.checkWAL())
}

func (f *files) checkWAL() error {
	return cmp.Or(checkSame(f.base+walSuffix, f.wal), checkSame(f.base+shmSuffix, f.shm))
}

// checkSame returns ErrReplaced unless the name still names the opened file.
func checkSame(name string, opened os.FileInfo) error {
	info, err := os.Stat(name)
	if err != nil {
		return unseen(err)
	}
	if !os.SameFile(info, opened) {
		return ErrReplaced
	}
	return nil
}

// unseen returns why a name could not be looked up, without its directory.
func unseen(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrReplaced
	}
	return fmt.Errorf("%w: %w", errUnseen, fsutil.WithoutPath(err))
}

// walNeedsCopy reports whether the WAL of a lost database must be copied into the database that was opened.
//
// Not if another process has begun a new WAL: both hold commits of the same database, and neither may be played over
// the other. But if the WAL lost its name, no other process finds it.
//
// And if another file is in the database's place, next to the WAL, SQLite would play the WAL into it at the next start:
// a WAL does not say whose it is.
func (f *files) walNeedsCopy() bool {
	if checkSame(f.path, f.db) != nil {
		_, err := os.Stat(f.path)
		return err == nil && f.checkWAL() == nil
	}
	wal, err := os.Stat(f.base + walSuffix)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(wal, f.wal) && wal.Size() == 0
}
