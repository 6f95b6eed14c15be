// Package spool keeps the attempts that the store could not take, in a file of JSON lines next to the database.
// Several processes share it.
//
// Files next to a database triport.db, all with mode 0600:
//
//	triport.db.spool             what waits
//	triport.db.spool.<n>         a segment: the part that is being drained
//	triport.db.spool.bad         dead letters: lines that contain no attempt, for the operator
//	triport.db.spool.lock        held while .spool is appended to or renamed
//	triport.db.spool.drain.lock  held by the process that drains
//
// Lock files are never removed: otherwise two processes could hold a lock of the same name.
package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/referral"
)

// Spool is the spool of one database. Safe for concurrent use, also by other processes. It creates no file before
// the first attempt is appended.
type Spool struct {
	path   string        // of the file that is appended to; the other names begin with it
	queue  chan *entry   // for the next write
	turn   chan struct{} // holds one token while an Append writes
	failed bool          // the last write failed; guarded by turn

	syncFile func(*os.File) error // replaced by tests, like syncDir
	syncDir  func(dir string) error
}

var _ referral.Spool = (*Spool)(nil)

// New returns the spool of the database file.
func New(database string) *Spool {
	return &Spool{
		path: database + ".spool", queue: make(chan *entry, maxQueue), turn: make(chan struct{}, 1),
		syncFile: (*os.File).Sync, syncDir: fsutil.SyncDir,
	}
}

// DeadLetterFile returns the name of the dead-letter file. It exists after the first dead letter.
func (s *Spool) DeadLetterFile() string { return s.path + ".bad" }

func (s *Spool) dir() string { return filepath.Dir(s.path) }

// Waiting reports whether attempts wait, without reading them.
func (s *Spool) Waiting() (bool, error) {
	stats, err := s.sizes()
	return stats.Bytes > 0, err
}

// files returns the names of the files that wait, oldest first: the segments, then the file that is appended to.
func (s *Spool) files() ([]string, error) {
	segments, err := s.segments()
	return append(segments, s.path), err
}

// segments returns the names of the segments, oldest first.
func (s *Spool) segments() ([]string, error) {
	entries, err := os.ReadDir(s.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find segments of the spool: %w", err)
	}
	var numbers []uint64
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(s.path)+".")
		n, err := strconv.ParseUint(digits, 10, 64)
		if ok && err == nil && strconv.FormatUint(n, 10) == digits {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	var names []string
	for _, n := range numbers {
		names = append(names, s.path+"."+strconv.FormatUint(n, 10))
	}
	return names, nil
}
