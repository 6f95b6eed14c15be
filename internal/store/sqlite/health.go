package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// unwritableAfter is how long writing must have failed before the store says it is not ready: a
	// moment's lock is not worth taking a server out of rotation.
	unwritableAfter = 5 * time.Second
	// probeTimeout bounds each look of NotReady.
	probeTimeout = time.Second
	// slowCommit is how long a commit takes on a disk that is of no use, though each one succeeds at
	// last: the calls have given up by then, and their attempts wait in the spool.
	slowCommit = time.Second
)

// health remembers how writing went.
type health struct {
	mu      sync.Mutex
	lastOK  time.Time
	failing time.Time // since when; zero while writing works
	cause   error
}

func (h *health) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.lastOK, h.failing, h.cause = time.Now(), time.Time{}, nil
	case h.failing.IsZero():
		h.failing, h.cause = time.Now(), err
	default:
		h.cause = err
	}
}

// suspect notes a probe that was not answered, or a commit that took too long, unless something better
// is known.
func (h *health) suspect(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing.IsZero() {
		h.failing, h.cause = time.Now(), err
	}
}

// proven tells whether a write succeeded recently enough that a probe would tell nothing new.
func (h *health) proven() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing.IsZero() && time.Since(h.lastOK) < unwritableAfter
}

func (h *health) unwritable() (cause error, bad bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause, !h.failing.IsZero() && time.Since(h.failing) >= unwritableAfter
}

// NotReady tells, in words, what keeps the store from serving: nothing when it can. Where no write has
// proved it lately, it makes one that changes nothing.
func (s *Store) NotReady(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var found []string
	if err := bounded(ctx, func() error { return s.probeRead(ctx) }); err != nil {
		found = append(found, fmt.Sprintf("the store cannot be read: %v", asDamage(err)))
	}
	if s.writer != nil && !s.health.proven() {
		if err := bounded(ctx, func() error { return s.probeWrite(ctx) }); errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
			s.health.suspect(err)
		}
	}
	if cause, bad := s.health.unwritable(); bad {
		found = append(found, fmt.Sprintf("the store has not been writable for %s: %v", unwritableAfter, asDamage(cause)))
	}
	return found
}

// asDamage names damage to the open database. In SQLite's words a read that the disk refuses is a malformed
// database, and a header that it refuses to read is that of some other file.
func asDamage(err error) error {
	if isDamage(err) && !errors.Is(err, errForeign) {
		return fmt.Errorf("the disk refuses to read the database, or the database is damaged: %s", remedyFor(err))
	}
	return err
}

var (
	errNoAnswer   = fmt.Errorf("no answer within %s", probeTimeout)
	errSlowCommit = fmt.Errorf("a commit took longer than %s: look at the disk", slowCommit)
)

// bounded waits for f no longer than ctx: a disk that hangs holds f, not its caller.
func bounded(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errNoAnswer
	}
}

func (s *Store) probeRead(ctx context.Context) error {
	return s.readInPlace(ctx, func(c *conn) error {
		_, err := c.one(func(row) {}, `SELECT 1 FROM users LIMIT 1`)
		return err
	})
}

// probeWrite commits a page without changing anything: setting the user version, which nothing uses,
// to what it is still writes the header page to the WAL, and fsyncs it.
func (s *Store) probeWrite(ctx context.Context) error {
	return s.write(ctx, func(c *conn) error {
		_, err := c.exec("PRAGMA user_version = 0")
		return err
	})
}
