package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// createFile creates a missing file that only its owner may read. SQLite gives the companions the same mode.
func createFile(path string) error {
	if hasContent(path) {
		return nil
	}
	left, err := leftBehind(path)
	if err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	if len(left) > 0 && !hasContent(path) { // not created meanwhile by another process
		return fmt.Errorf("%w (%s): put the database back; or move them away, "+
			"then restore a backup or start with a new database", ErrLeftBehind, strings.Join(left, ", "))
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	return f.Close()
}

func hasContent(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// leftBehind returns the names of a write-ahead log and of spool files with content. A new database would lose the
// attempts that wait in them.
func leftBehind(path string) (names []string, err error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(path))
		if info, err := e.Info(); ok && err == nil && info.Size() > 0 && needed.MatchString(suffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

var (
	// belongings are the suffixes of all files of a database, itself included.
	belongings = regexp.MustCompile(`^(-wal|-shm|-journal|\.migrate\.lock|\.spool(\..*)?)?$`)
	// needed are those of them that a new database would lose: the WAL, the spool, and its segments.
	needed = regexp.MustCompile(`^(-wal|\.spool(\.[0-9]+)?)$`)
)

// belongs reports whether file is, or would be, one of the database's own. Some file systems ignore the case of names.
func belongs(database, file string) bool {
	file = fsutil.RealPath(file)
	suffix, ok := strings.CutPrefix(strings.ToLower(filepath.Base(file)), strings.ToLower(filepath.Base(database)))
	if !ok || !belongings.MatchString(suffix) {
		return false
	}
	here, err := os.Stat(filepath.Dir(database))
	there, otherErr := os.Stat(filepath.Dir(file))
	return err == nil && otherErr == nil && os.SameFile(here, there)
}

// ErrBelongs rejects a copy that the next command would destroy.
var ErrBelongs = errors.New("the name belongs to the database itself: name another file")

// Backup writes a copy, which is an ordinary database, and returns its bytes. The error wraps fs.ErrExist if the file
// exists, and ErrBelongs for a name of the database and its files.
func (s *Store) Backup(ctx context.Context, file string) (bytes int64, err error) {
	return backup(ctx, s.file, file)
}

func backup(ctx context.Context, database, file string) (bytes int64, err error) {
	if belongs(database, file) || belongs(database, file+engine.PartialSuffix) {
		return 0, ErrBelongs
	}
	return engine.Backup(ctx, database, file)
}
