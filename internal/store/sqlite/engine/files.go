package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/triport/triport-console/internal/fsutil"
)

// SQLite finds the WAL and its index by these suffixes.
const (
	walSuffix = "-wal"
	shmSuffix = "-shm"
)

// files are the three files as opened. A file can be fsynced long after its name is gone: its content is lost.
type files struct {
	path         string // as configured; may be a symbolic link
	base         string // the target of the link, next to the companions
	db, wal, shm os.FileInfo
}

// noteFiles is for a connection that has read: that creates the companions. db is what path named before it opened.
func noteFiles(path, base string, db os.FileInfo) (*files, error) {
	wal, walErr := os.Stat(base + walSuffix)
	shm, shmErr := os.Stat(base + shmSuffix)
	if err := errors.Join(walErr, shmErr); err != nil {
		return nil, unseen(err)
	}
	return &files{path, base, db, wal, shm}, checkSame(path, db)
}

// check returns ErrReplaced unless all names still name the opened files: with another WAL or index, other processes do
// not see the commits. It costs three system calls of 1 to 2 µs.
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

// unseen returns a lookup's error without the directory.
func unseen(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrReplaced
	}
	return fmt.Errorf("%w: %w", errUnseen, fsutil.WithoutPath(err))
}

// walNeedsCopy reports whether the WAL of a lost database must be copied into the opened database.
//
// Not if another process has begun a new WAL: neither may be played over the other. But if the WAL lost its name, no
// other process finds it. And if another file is in the database's place, SQLite would play the WAL into it at the next
// start: a WAL does not say whose it is.
func (f *files) walNeedsCopy() bool {
	if checkSame(f.path, f.db) != nil {
		_, err := os.Stat(f.path)
		return err == nil && f.checkWAL() == nil
	}
	wal, err := os.Stat(f.base + walSuffix)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(wal, f.wal) && wal.Size() == 0
}
