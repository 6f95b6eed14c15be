package metrics

import (
	"errors"
	"time"

	"golang.org/x/sync/singleflight"
)

var errNoAnswer = errors.New("no answer in time")

// question is something that is asked of a disk. While one asking hangs, later ones wait for the same
// answer, so that a disk that is gone for a day holds one goroutine, not one for each scrape.
type question[T any] struct {
	put   func() (T, error)
	asked singleflight.Group
}

func newQuestion[T any](put func() (T, error)) *question[T] { return &question[T]{put: put} }

// ask waits for the answer, but no longer than limit.
func (q *question[T]) ask(limit time.Duration) (answer T, err error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-q.asked.DoChan("", func() (any, error) { return q.put() }):
		answer, _ = r.Val.(T)
		return answer, r.Err
	case <-timer.C:
		return answer, errNoAnswer
	}
}
