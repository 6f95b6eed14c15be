package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
// attempts that wait in them. If path is a link, the spool is next to the link and the WAL next to its target.
func leftBehind(path string) (names []string, err error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	for _, database := range slices.Compact([]string{path, target}) {
		entries, err := os.ReadDir(filepath.Dir(database))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			suffix, ok := strings.CutPrefix(e.Name(), filepath.Base(database))
			if info, err := e.Info(); ok && err == nil && info.Size() > 0 && belongings.MatchString(suffix) {
				names = append(names, e.Name())
			}
		}
	}
	return names, nil
}

// belongings are suffixes of the WAL, the spool, and a spool segment.
var belongings = regexp.MustCompile(`^(-wal|\.spool(\.[0-9]+)?)$`)
