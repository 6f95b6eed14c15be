package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// How often a lock that another process holds is tried again. Appends follow each other closely
// during an outage, so that a slow poll would seldom meet the gap between two of them.
const (
	appendPoll = time.Millisecond
	drainPoll  = 50 * time.Millisecond
)

// lock takes the lock of that name, which it creates when missing, and returns what gives it back.
// Every call opens the file anew: the lock holds between goroutines as it does between processes.
func lock(ctx context.Context, name string, poll time.Duration) (unlock func(), err error) {
	if err := create(name); err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	l := flock.New(name, flock.SetFlag(os.O_RDWR|syscall.O_NOFOLLOW))
	if _, err := l.TryLockContext(ctx, poll); err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// lockExisting shares the lock of that name with other readers. Where there is none, nobody has
// appended yet and there is nothing to keep out: reading creates nothing.
func lockExisting(ctx context.Context, name string, poll time.Duration) (unlock func(), err error) {
	l := flock.New(name, flock.SetFlag(os.O_RDONLY|syscall.O_NOFOLLOW))
	_, err = l.TryRLockContext(ctx, poll)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// openAppend opens a file of lines to append to and returns its size. A file that does not end in a
// newline was torn by a crash: what is appended to it must begin with one, so torn is true. An empty
// file's name is made durable first, so that a file with lines in it is one that outlives a crash.
func openAppend(name string) (f *os.File, size int64, torn bool, err error) {
	if err := create(name); err != nil {
		return nil, 0, false, err
	}
	f, err = openOwn(name, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, 0, false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, false, err
	}
	if info.Size() == 0 {
		return f, 0, false, syncDir(name)
	}
	torn, err = endsTorn(f, info.Size())
	return f, info.Size(), torn, err
}

// openOwn opens a file of the spool that is there. The folder may be another user's than the one who
// runs this, root above all: what is no plain file with this one name is a trap, and refused.
func openOwn(name string, flag int) (*os.File, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = plain(info, name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func plain(info os.FileInfo, name string) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || ok && stat.Nlink > 1 {
		return fmt.Errorf("%s is a link or no plain file: remove it", filepath.Base(name))
	}
	return nil
}

// create makes a file of the spool where there is none. When root does, it gives the file to the owner
// of the database, as SQLite does with its companions: a replay that root runs by hand must not lock
// the server out of its own spool. Only what was made here changes hands, by its descriptor: the
// folder may be another user's, and hold a link to anything.
func create(name string) (err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if os.Geteuid() != 0 {
		return nil
	}
	database, err := os.Stat(name[:strings.LastIndex(name, ".spool")])
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up the owner of the database: %w", err)
	}
	if owner, ok := database.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// endsTorn tells whether the first size bytes of f, one or more, end within a line.
func endsTorn(f *os.File, size int64) (bool, error) {
	var last [1]byte
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return false, fmt.Errorf("read the last byte: %w", err)
	}
	return last[0] != '\n', nil
}

// syncDir makes the creation, renaming or removal of the named file durable.
func syncDir(name string) error {
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
