package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
)

// Backup writes a consistent copy of the database to file, which must not exist, with mode 0600, and
// returns its size in bytes. It may run while others write: the copy is of the moment it began. It gets
// its name when it is whole and on disk: what a crash leaves is called file.partial, and the next backup
// to that name starts it afresh. The error wraps fs.ErrExist when the file is there.
func (s *Store) Backup(ctx context.Context, file string) (bytes int64, err error) {
	if err := absent(file); err != nil {
		return 0, err
	}
	partial := file + ".partial"
	f, err := openPartial(partial)
	if err != nil {
		return 0, fmt.Errorf("create the copy: %w", err)
	}
	defer func() {
		if err != nil { // removed before the close gives the lock back
			err = errors.Join(err, remove(partial))
		}
		err = errors.Join(err, f.Close())
	}()
	target, err := filepath.Abs(partial) // a relative name that begins with file: is an address to SQLite
	if err != nil {
		return 0, fmt.Errorf("create the copy: %w", err)
	}
	if err := s.vacuumInto(ctx, target); err != nil {
		return 0, fmt.Errorf("copy the database: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("bring the copy to disk: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() == 0 {
		return 0, errors.New("copy the database: nothing arrived in the copy: give it another name")
	}
	if err := nameCopy(partial, file); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func absent(file string) error {
	_, err := os.Lstat(file)
	switch {
	case err == nil:
		return fmt.Errorf("%s %w: a backup never overwrites a file", file, fs.ErrExist)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("create the copy: %w", err)
}

// openPartial makes the file that a copy is written to, or empties what a killed backup left. Its lock,
// which ends with the process, tells that from a backup to the same name that is under way.
func openPartial(name string) (f *os.File, err error) {
	f, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("%s is in use, another backup to this name may be under way: wait for it, or name another file: %w", name, err)
	}
	if err := plain(f, name); err != nil {
		return nil, err
	}
	return f, errors.Join(f.Truncate(0), f.Chmod(0o600))
}

// plain holds that f is a plain file with this one name: neither a trap that somebody laid in a shared
// folder, nor what another backup renamed between the opening and the lock.
func plain(f *os.File, name string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(name)
	stat, ok := info.Sys().(*syscall.Stat_t)
	if err != nil || !info.Mode().IsRegular() || !os.SameFile(info, there) || ok && stat.Nlink > 1 {
		return fmt.Errorf("%s is a link, no plain file, or was just taken away: remove it, or name another file", name)
	}
	return nil
}

// nameCopy gives a whole copy its name. The lock on the partial file keeps other backups to that name
// away, so that nothing comes between the look and the renaming but a stranger's file.
func nameCopy(partial, file string) error {
	if err := absent(file); err != nil {
		return err
	}
	if err := os.Rename(partial, file); err != nil {
		return fmt.Errorf("give the copy its name: %w", err)
	}
	return syncDir(filepath.Dir(file))
}

func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// vacuumInto copies on a connection of its own, which takes no lock that a writer waits for, until ctx
// ends. It is not query_only: SQLite would refuse to write the copy.
func (s *Store) vacuumInto(ctx context.Context, file string) (err error) {
	var d sqlite.Driver
	raw, err := d.Open(dsn(s.path, accessShared, []pragma{{name: "busy_timeout", value: "1500"}}))
	if err != nil {
		return translate(err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	_, err = raw.(driver.ExecerContext).ExecContext(ctx, "VACUUM INTO ?1", []driver.NamedValue{{Ordinal: 1, Value: file}})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return translate(err)
}

func syncDir(dir string) (err error) {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("bring the folder to disk: %w", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("bring the folder to disk: %w", err)
	}
	return nil
}
