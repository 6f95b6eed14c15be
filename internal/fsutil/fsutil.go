// Package fsutil contains what several packages need of the file system.
package fsutil

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// SyncDir makes the creation, renaming and removal of files in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// IsPlainFile reports whether info is that of a regular file with exactly one name. Anything else in a directory
// that others can write to may be a trap.
func IsPlainFile(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().IsRegular() && (!ok || stat.Nlink <= 1)
}
