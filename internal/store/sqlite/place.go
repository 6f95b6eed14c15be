package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/triport/triport-console/internal/referral"
)

// place is what the names of a database and its companions stood for when they were opened. A file
// can be written and fsynced long after its name is gone; what stands in it is lost all the same.
type place struct {
	base         string // the database's own name, which a symbolic link may lead to
	db, wal, shm os.FileInfo
}

// suffixes make the names of the companions: the write-ahead log and its index, which SQLite finds by
// name alone.
const (
	walSuffix = "-wal"
	shmSuffix = "-shm"
)

// settle notes where a connection has opened the database. opened is what path named before it did, so
// that a file put there meanwhile is noticed. The connection must have read: that makes the companions.
func settle(path string, opened os.FileInfo) (place, error) {
	base, err := filepath.EvalSymlinks(path)
	if err != nil {
		return place{}, unseen(err)
	}
	p := place{base: base, db: opened}
	if p.wal, err = os.Stat(base + walSuffix); err == nil {
		p.shm, err = os.Stat(base + shmSuffix)
	}
	if err != nil {
		return place{}, unseen(err)
	}
	return p, nil
}

// inPlace tells whether path still names the file that was opened.
func (s *Store) inPlace() error { return same(s.path, s.place.db) }

// wholeInPlace tells the same of the companions too. A commit stands in the log at first: a process
// that does not find that log, or the same index of it, does not see the commit. It is asked for every
// batch of look-ups and after every commit, and costs three calls of the system, of a microsecond or two each.
func (s *Store) wholeInPlace() error {
	if err := s.inPlace(); err != nil {
		return err
	}
	if err := same(s.place.base+walSuffix, s.place.wal); err != nil {
		return err
	}
	return same(s.place.base+shmSuffix, s.place.shm)
}

// same returns ErrReplaced when name does not name the file that was opened.
func same(name string, opened os.FileInfo) error {
	info, err := os.Stat(name)
	if err != nil {
		return unseen(err)
	}
	if !os.SameFile(info, opened) {
		return ErrReplaced
	}
	return nil
}

// logLost tells whether the log that is open has lost its name, and nobody has written to another one
// of that name.
func (p place) logLost() (bool, error) {
	info, err := os.Stat(p.base + walSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, referral.WithoutPath(err)
	case os.SameFile(info, p.wal):
		return false, nil
	case info.Size() == 0:
		return true, nil
	}
	return false, errLogReplaced
}

// setAside gives the companions of the database that was at path other names, which it returns, so
// that another database can be opened there. SQLite would play the old log into it: a log does not
// say whose it is. They are not deleted: with the old database they are all that was committed.
func (p place) setAside(path string) (names []string, err error) {
	base, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, referral.WithoutPath(err)
	}
	for suffix, opened := range map[string]os.FileInfo{walSuffix: p.wal, shmSuffix: p.shm} {
		if same(base+suffix, opened) != nil {
			continue // moved away by whoever replaced the database, or the new one's own
		}
		name, err := freeName(base + suffix + ".replaced")
		if err == nil {
			err = os.Rename(base+suffix, name)
		}
		if err != nil {
			return nil, fmt.Errorf("set the log of the database that was here before aside: %w", referral.WithoutPath(err))
		}
		names = append(names, filepath.Base(name))
	}
	if len(names) == 0 {
		return nil, nil
	}
	return names, referral.WithoutPath(syncDir(filepath.Dir(base)))
}

// freeName returns the first of name, name.2, name.3 and so on that nothing has.
func freeName(name string) (string, error) {
	free := name
	for n := 2; ; n++ {
		_, err := os.Lstat(free)
		if errors.Is(err, fs.ErrNotExist) {
			return free, nil
		}
		if err != nil {
			return "", err
		}
		free = name + "." + strconv.Itoa(n)
	}
}
