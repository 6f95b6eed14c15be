package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/bounded"
)

const (
	// unwritableAfter is how long writing fails before NotReady says so: a short lock takes no server out of rotation.
	unwritableAfter = 5 * time.Second
	// probeTimeout bounds NotReady.
	probeTimeout = time.Second
)

var errSlowCommit = fmt.Errorf("a commit took longer than %s: check the disk", slowCommit)

// health remembers how writing went.
type health struct {
	now    func() time.Time
	mu     sync.Mutex
	lastOK time.Time
	since  time.Time // when writing began to fail
	cause  error     // nil while writing works
}

func (h *health) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.lastOK = h.now()
	} else if h.cause == nil {
		h.since = h.now()
	}
	h.cause = err
}

// suspect notes a timeout or slow commit, unless a cause is known.
func (h *health) suspect(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause == nil {
		h.since, h.cause = h.now(), err
	}
}

// state reports whether a recent write makes a probe needless, and why writing has failed for unwritableAfter.
func (h *health) state() (proven bool, unwritable error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil && h.now().Sub(h.since) >= unwritableAfter {
		return false, h.cause
	}
	return h.cause == nil && h.now().Sub(h.lastOK) < unwritableAfter, nil
}

// NotReady returns in words what keeps the database from serving. Without a recent write, it makes an empty one.
func (db *DB) NotReady(ctx context.Context) (found []string) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := db.probeRead.Do(probeTimeout, func() (none struct{}, err error) {
		return none, db.Read(ctx, func(c *Conn) error {
			_, err := c.Query(db.opt.Probe).Exists()
			return err
		})
	})
	if err != nil {
		found = append(found, fmt.Sprintf("the store cannot be read: %v", inWords(err)))
	}
	if proven, _ := db.health.state(); db.writer != nil && !proven {
		_, err := db.probeWrite.Do(probeTimeout, func() (none struct{}, err error) {
			return none, db.WriteAlone(ctx, (*Conn).commitNothing)
		})
		if errors.Is(err, bounded.TimeoutError(probeTimeout)) || errors.Is(err, context.DeadlineExceeded) {
			db.health.suspect(err)
		}
	}
	if _, cause := db.health.state(); cause != nil {
		found = append(found, fmt.Sprintf("the store has not been writable for %s: %v", unwritableAfter, inWords(cause)))
	}
	return found
}

// inWords names damage: SQLite calls a read that the disk rejects a malformed database, or another file's header.
func inWords(err error) error {
	if kindOf(err) == damaged {
		return fmt.Errorf("the disk cannot read the database, or the database is damaged: %s", Hint(err))
	}
	return err
}
