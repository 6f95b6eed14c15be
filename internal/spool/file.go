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

// The names of locks, after that of the spool.
const (
	appendLock = ".lock"
	drainLock  = ".drain.lock"
)

// How often a lock that another process holds is tried again. During an outage one append follows another
// closely: a slow poll would seldom find the lock free.
const (
	appendPoll = time.Millisecond
	drainPoll  = 50 * time.Millisecond
)

// lock takes an exclusive lock on a file, which it creates if it is missing. Each call opens the file again: the lock
// excludes goroutines too.
func lock(ctx context.Context, name string, poll time.Duration) (unlock func(), err error) {
	l := flock.New(name, flock.SetFlag(os.O_RDWR|syscall.O_NOFOLLOW))
	if err = create(name); err == nil {
		_, err = l.TryLockContext(ctx, poll)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// lockShared takes a lock that readers share. It creates nothing: without a lock file, no attempt was appended yet.
func lockShared(ctx context.Context, name string, poll time.Duration) (unlock func(), err error) {
	l := flock.New(name, flock.SetFlag(os.O_RDONLY|syscall.O_NOFOLLOW))
	if _, err = l.TryRLockContext(ctx, poll); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lock the spool: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// openAppend opens a file for appending and returns its size and the lineEnd that must be written first. The name of an
// empty file becomes durable before anything is written.
func (s *Spool) openAppend(name string) (f *os.File, size int64, end string, err error) {
	if err := create(name); err != nil {
		return nil, 0, "", err
	}
	f, info, err := openPlain(name, os.O_RDWR|os.O_APPEND)
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

// openPlain opens an existing file of the spool. Another user than root may own the directory: links and special
// files are traps.
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

// create creates a file of the spool if it is missing. A file of root goes to the owner of the database: a replay by
// root must not lock the server out. It goes by its descriptor: the directory may contain links to anything.
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

// lineEnd returns the newline that the first size bytes of f lack if a crash cut their last line; else nothing.
func lineEnd(f *os.File, size int64) (string, error) {
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, max(0, size-1)); err != nil && size > 0 {
		return "", fmt.Errorf("read the last byte: %w", err)
	}
	if size == 0 || last[0] == '\n' {
		return "", nil
	}
	return "\n", nil
}
