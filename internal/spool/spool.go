// Package spool keeps the attempts that the store could not take: an append-only file of JSON lines
// beside the database, shared by every process that works on it.
//
// Beside a database triport.db stand, all of them 0600:
//
//	triport.db.spool             what waits
//	triport.db.spool.<n>         a segment: the part of it that is being drained
//	triport.db.spool.bad         lines that were no attempt, kept for a person to read
//	triport.db.spool.lock        held while .spool is appended to or renamed
//	triport.db.spool.drain.lock  held by the one process that drains
//
// The lock files stay: removing one would let two processes hold a lock of the same name.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/triport/triport-console/internal/referral"
)

// Spool is the spool of one database. It is safe for concurrent use, by other processes too, and
// creates nothing before the first attempt is appended.
type Spool struct {
	path string        // of the file that is appended to; the other names begin with it
	turn chan struct{} // holds one token while an Append leads
	// doubtful tells whether the last append failed. It belongs to whoever has the turn.
	doubtful bool

	mu    sync.Mutex
	queue []*entry // what the next leader writes
}

var _ referral.Spool = (*Spool)(nil)

// New returns the spool beside the database file.
func New(database string) *Spool {
	return &Spool{path: database + ".spool", turn: make(chan struct{}, 1)}
}

// BadFile returns the name of the file that keeps the lines that were no attempt. It exists once
// there was one.
func (s *Spool) BadFile() string { return s.path + ".bad" }

func (s *Spool) appendLock() string { return s.path + ".lock" }
func (s *Spool) drainLock() string  { return s.path + ".drain.lock" }

// Waiting tells, without reading them, whether attempts wait.
func (s *Spool) Waiting() (bool, error) {
	segments, err := s.segments()
	if err != nil {
		return false, err
	}
	for _, name := range append(segments, s.path) {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("look at the spool: %w", err)
		}
		if info.Size() > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Pending counts the waiting attempts that match, in constant memory. An attempt's User is the id or
// the e-mail address its line names.
func (s *Spool) Pending(ctx context.Context, match func(referral.Attempt) bool) (int, error) {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = snapshot.Close() }() // it was only read
	var n int
	for line, err := range referral.ReadLines(snapshot, referral.SourceSpool) {
		if err != nil {
			return 0, fmt.Errorf("read the spool: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("read the spool: %w", err)
		}
		if line.Err == nil && match(line.Attempt) {
			n++
		}
	}
	return n, nil
}

// segments returns the names of the segments, oldest first.
func (s *Spool) segments() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for segments of the spool: %w", err)
	}
	var numbers []uint64
	for _, e := range entries {
		if n, ok := segmentNumber(e.Name(), filepath.Base(s.path)); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = s.segment(n)
	}
	return names, nil
}

// segment returns the name of the segment with that number.
func (s *Spool) segment(n uint64) string { return s.path + "." + strconv.FormatUint(n, 10) }

// segmentNumber takes a file's name apart; ok is false when it is no segment of the spool.
func segmentNumber(name, spool string) (n uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, spool+".")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && strconv.FormatUint(n, 10) == digits
}
