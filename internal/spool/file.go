package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/triport/triport-console/internal/fsutil"
)

// The suffixes of the lock files, and how often a lock that another process holds is tried again.
const (
	appendLock = ".lock"
	appendPoll = time.Millisecond // during an outage, a slow poll would seldom find the lock free
	drainLock  = ".drain.lock"
	drainPoll  = 50 * time.Millisecond
)

// lock creates the file if it is missing and takes an exclusive lock, which also excludes other goroutines.
func (s *Spool) lock(ctx context.Context, suffix string, poll time.Duration) (unlock func(), err error) {
	l := flock.New(s.path+suffix, flock.SetFlag(os.O_RDWR|syscall.O_NOFOLLOW))
	if err = create(l.Path()); err == nil {
		_, err = l.TryLockContext(ctx, poll)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// openAppend opens a file for appending, with a durable name. end is the lineEnd that must be written first.
func (s *Spool) openAppend(name string) (f *os.File, size int64, end string, err error) {
	var info fs.FileInfo
	if err = create(name); err == nil {
		f, info, err = openPlain(name, os.O_RDWR|os.O_APPEND)
	}
	if err != nil {
		return nil, 0, "", err
	}
	if end, err = lineEnd(f, info.Size()); info.Size() == 0 {
		err = s.syncDir(s.dir())
	}
	if err != nil {
		return nil, 0, "", errors.Join(err, f.Close())
	}
	return f, info.Size(), end, nil
}

// openPlain opens an existing file. Another user may own the directory: links and special files are traps.
func openPlain(name string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(name, flag|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err = checkPlain(info, err); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func checkPlain(info fs.FileInfo, err error) error {
	if err == nil && !fsutil.IsPlainFile(info) {
		return fmt.Errorf("%s is a link or no plain file: remove it", info.Name())
	}
	return err
}

// create creates a missing file. Root gives it to the owner of the database: a replay by root must not lock the server
// out. It uses the descriptor: the directory may contain links to anything.
func create(name string) (err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	database, err := os.Stat(name[:strings.LastIndex(name, ".spool")])
	if os.Geteuid() != 0 || errors.Is(err, fs.ErrNotExist) {
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

// lineEnd returns a newline if the first size bytes of f lack it at their end, after a crash; else nothing.
func lineEnd(f *os.File, size int64) (string, error) {
	last := []byte("\n")
	if _, err := f.ReadAt(last, size-1); err != nil && size > 0 {
		return "", fmt.Errorf("read the last byte: %w", err)
	}
	if last[0] == '\n' {
		return "", nil
	}
	return "\n", nil
}
