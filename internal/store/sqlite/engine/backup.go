package engine

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/triport/triport-console/internal/fsutil"
)

// PartialSuffix is the end of the name of a copy that is being written.
const PartialSuffix = ".partial"

// Backup writes a copy of the database as of its begin, while it is open anywhere, with mode 0600, and returns its bytes. The file gets its name once it is on
// disk. A crash leaves file.partial, which the next backup empties. The error wraps fs.ErrExist if the file exists.
func Backup(ctx context.Context, database, file string) (bytes int64, err error) {
	if err := absent(file); err != nil {
		return 0, err
	}
	partial := file + PartialSuffix
	f, err := openPartial(partial)
	if err != nil {
		return 0, fmt.Errorf("create the copy: %w", err)
	}
	defer func() {
		if err != nil { // before the close releases the lock
			err = errors.Join(err, ifExists(os.Remove(partial)))
		}
		err = errors.Join(err, f.Close())
	}()
	if err := vacuumInto(ctx, database, partial); err != nil {
		return 0, fmt.Errorf("copy the database: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() == 0 {
		err = errors.New("copy the database: nothing arrived in the copy: give it another name")
	}
	if err != nil {
		return 0, err
	}
	// The lock keeps other backups to that name away.
	err = inOrder(f.Sync, func() error { return absent(file) }, func() error { return os.Rename(partial, file) },
		func() error { return fsutil.SyncDir(filepath.Dir(file)) })
	return info.Size(), err
}

func absent(file string) error {
	_, err := os.Lstat(file)
	if err == nil {
		err = fmt.Errorf("%s %w: a backup never overwrites a file", file, fs.ErrExist)
	}
	return ifExists(err)
}

// ifExists ignores the error that a file does not exist.
func ifExists(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// openPartial creates an empty file and locks it while the process lives. A link may be a trap in a shared directory,
// and another backup may have renamed the file before the lock.
func openPartial(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fmt.Errorf("%s is in use, another backup to this name may be running: "+
			"wait for it, or name another file: %w", name, err)
	} else if info, statErr := f.Stat(); statErr != nil || !fsutil.IsPlainFile(info) || checkSame(name, info) != nil {
		err = fmt.Errorf("%s is a link, not a plain file, or was just taken away: remove it, or name another file", name)
	} else {
		err = errors.Join(f.Truncate(0), f.Chmod(0o600))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// vacuumInto takes no lock that a writer waits for. SQLite rejects it on a connection that only reads.
func vacuumInto(ctx context.Context, database, file string) (err error) {
	target, err := filepath.Abs(file) // SQLite takes a name that begins with file: as an address
	if err != nil {
		return err
	}
	c, err := openConn(database, accessShared, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	_, err = c.raw.(driver.ExecerContext).ExecContext(ctx, "VACUUM INTO ?1", c.bind([]driver.Value{target}))
	return cmp.Or(ctx.Err(), Translate(err))
}
