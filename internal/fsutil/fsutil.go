// Package fsutil contains what several packages need of the file system.
package fsutil

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// WithoutPath returns err with the names of files but not their directories, which must not appear in a server's log or
// in the answer of /readyz.
func WithoutPath(err error) error {
	paths := pathsIn(err)
	if len(paths) == 0 {
		return err
	}
	text := err.Error()
	for _, path := range paths {
		text = strings.ReplaceAll(text, path, filepath.Base(path))
	}
	return withoutPath{err, text}
}

type withoutPath struct {
	error
	text string
}

func (e withoutPath) Error() string { return e.text }
func (e withoutPath) Unwrap() error { return e.error }

func pathsIn(err error) (paths []string) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself, because it needs all of them
	case *fs.PathError:
		paths = []string{e.Path}
	case *os.LinkError:
		paths = []string{e.Old, e.New}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			paths = append(paths, pathsIn(one)...)
		}
	case interface{ Unwrap() error }:
		paths = pathsIn(e.Unwrap())
	}
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" })
}
