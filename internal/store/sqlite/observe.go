package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Commit is what there is to tell of a transaction of live attempts.
type Commit struct {
	Attempts int           // how many shared it
	Took     time.Duration // from asking for the write lock until the rows were durable, or it failed
	Err      error         // when it failed: nothing of it was kept
}

// live is transaction for attempts: it tells of it too. The attempts are counted afterwards, because
// some of them may have been given up before the lock was there.
func (w *writer) live(items *[]*pending, f func() error) error {
	began := time.Now()
	err := w.transaction(context.Background(), f)
	if w.observe != nil && (err != nil || len(*items) > 0) { // all may have been given up
		w.observe(Commit{Attempts: len(*items), Took: time.Since(began), Err: err})
	}
	return err
}

// Queued returns how many live attempts wait for a transaction.
func (s *Store) Queued() int {
	if s.writer == nil {
		return 0
	}
	return len(s.writer.attempts)
}

// Size returns how many bytes the database and its write-ahead log take on the disk. Without a log,
// that is 0.
func (s *Store) Size() (database, wal int64, err error) {
	base, err := filepath.EvalSymlinks(s.path) // the log stands beside what a link leads to
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(base)
	if err != nil {
		return 0, 0, err
	}
	log, err := os.Stat(base + walSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return info.Size(), 0, nil
	case err != nil:
		return 0, 0, err
	}
	return info.Size(), log.Size(), nil
}
