package metrics

import (
	"errors"
	"sync"
	"time"
)

var errNoAnswer = errors.New("no answer in time")

// question is something that is asked of a disk. While one asking hangs, later ones wait for the same
// answer, so that a disk that is gone for a day holds one goroutine, not one for each scrape.
type question[T any] struct {
	put func() (T, error)

	mu      sync.Mutex
	pending *reply[T] // nil while nobody waits
}

type reply[T any] struct {
	value T
	err   error
	done  chan struct{} // closed when value and err are there
}

func newQuestion[T any](put func() (T, error)) *question[T] { return &question[T]{put: put} }

// ask waits for the answer, but no longer than limit.
func (q *question[T]) ask(limit time.Duration) (T, error) {
	r := q.join()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.done:
		return r.value, r.err
	case <-timer.C:
		var none T
		return none, errNoAnswer
	}
}

func (q *question[T]) join() *reply[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pending == nil {
		q.pending = &reply[T]{done: make(chan struct{})}
		go q.answer(q.pending)
	}
	return q.pending
}

func (q *question[T]) answer(r *reply[T]) {
	r.value, r.err = q.put()
	q.mu.Lock()
	q.pending = nil
	q.mu.Unlock()
	close(r.done)
}
