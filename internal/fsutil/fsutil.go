// Package fsutil has the file functions of several packages.
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

// IsPlainFile reports whether info is that of a regular file with one name. Another file may be a trap.
func IsPlainFile(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().IsRegular() && (!ok || stat.Nlink <= 1)
}

// RealPath returns path without symbolic links, also if the last name or the target of a link does not exist. If it
// cannot be resolved, it returns path.
func RealPath(path string) string {
	name := path
	for range 40 { // links, as in Linux
		if found, err := filepath.EvalSymlinks(name); err == nil {
			return found
		}
		dir, err := filepath.EvalSymlinks(filepath.Dir(name))
		if err != nil {
			return path
		}
		name = filepath.Join(dir, filepath.Base(name))
		target, err := os.Readlink(name)
		if err != nil { // no link
			return name
		}
		if name = target; !filepath.IsAbs(target) {
			name = filepath.Join(dir, target)
		}
	}
	return path
}

// WithoutPath returns err without the directories of files, which must not appear in a log or in /readyz.
func WithoutPath(err error) error {
	text := err.Error()
	for _, path := range pathsIn(err) {
		text = strings.ReplaceAll(text, path, filepath.Base(path))
	}
	return withoutPath{err, text}
}

type withoutPath struct {
	error
	text string
}

// Error returns the text without directories.
func (e withoutPath) Error() string { return e.text }

// Unwrap returns the original error.
func (e withoutPath) Unwrap() error { return e.error }

func pathsIn(err error) (paths []string) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself, because it needs all paths
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
