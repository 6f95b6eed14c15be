package sqlite

import (
	"context"
	"runtime"
	"sync"

	"github.com/triport/triport-console/internal/auth"
)

const (
	// lookupWorkers read at the same time; more than there are cores would only wait for each other.
	lookupWorkers = 2
	// maxLookups share one read transaction, whose locks cost as much as a look-up does.
	maxLookups = 64
)

// lookups answers FindSession: goroutines that read what is waiting in one transaction. Every
// transaction begins after its look-ups were asked for, so that a session revoked before the request
// is seen revoked.
type lookups struct {
	once  sync.Once
	queue chan *lookup
}

// lookup is one session that is looked for.
type lookup struct {
	token   auth.Hash
	session auth.Session
	err     error
	done    chan struct{}
}

// start starts the goroutines with the first look-up: most commands never need one.
func (l *lookups) start(s *Store) {
	l.once.Do(func() {
		for range lookupWorkers {
			go l.work(s)
		}
	})
}

func (l *lookups) work(s *Store) {
	batch := make([]*lookup, 0, maxLookups)
	for {
		select {
		case <-s.closed:
			return
		case one := <-l.queue:
			runtime.Gosched() // as in the writer: lets callers that are ready join
			batch = l.gather(append(batch[:0], one))
			l.answer(batch, s.readInPlace(context.Background(), func(c *conn) error { return find(c, batch) }))
		}
	}
}

func (l *lookups) gather(batch []*lookup) []*lookup {
	for len(batch) < maxLookups {
		select {
		case one := <-l.queue:
			batch = append(batch, one)
		default:
			return batch
		}
	}
	return batch
}

func (l *lookups) answer(batch []*lookup, err error) {
	for _, one := range batch {
		if err != nil {
			one.err = err
		}
		close(one.done)
	}
}

func find(c *conn, batch []*lookup) error {
	if len(batch) == 1 {
		batch[0].find(c)
		return nil
	}
	return c.snapshot(func() error {
		for _, one := range batch {
			one.find(c)
		}
		return nil
	})
}

func (l *lookup) find(c *conn) {
	l.session.Token = l.token
	found, err := c.one(func(r row) {
		copy(l.session.CSRF[:], r.blob(0))
		l.session.UserID, l.session.CreatedAt, l.session.ExpiresAt = r.text(1), r.time(2), r.time(3)
		l.session.RevokedAt, l.session.UserDisabled = r.time(4), r.int(5) == 1
	}, selectSession, l.token[:])
	if err == nil && !found {
		err = auth.ErrNotFound
	}
	l.err = err
}
