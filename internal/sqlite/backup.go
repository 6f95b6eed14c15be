package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// Backup writes a consistent copy of the database to file, which must not exist, with mode 0600, and
// returns its size in bytes. It may run while others write: the copy is of the moment it began. The
// copy is on disk when Backup returns. The error wraps ErrExists when the file is there.
func (s *Store) Backup(ctx context.Context, file string) (bytes int64, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s %w: a backup never overwrites a file", file, ErrExists)
	}
	if err != nil {
		return 0, fmt.Errorf("create the copy: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(file))
		}
	}()
	if err := s.vacuumInto(ctx, file); err != nil {
		return 0, fmt.Errorf("copy the database: %w", err)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("bring the copy to disk: %w", err)
	}
	if err := syncDir(filepath.Dir(file)); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// vacuumInto copies on a connection of its own, which takes no lock that a writer waits for. It is not
// query_only: SQLite would refuse to write the copy.
func (s *Store) vacuumInto(_ context.Context, file string) (err error) {
	var d sqlite.Driver
	raw, err := d.Open(dsn(s.path, accessShared, []pragma{{name: "busy_timeout", value: "1500"}}))
	if err != nil {
		return translate(err)
	}
	c := &conn{raw: raw}
	defer func() { err = errors.Join(err, c.close()) }()
	return c.once("VACUUM INTO ?1", func(row) {}, file)
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
