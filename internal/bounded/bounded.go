// Package bounded calls functions that may hang, for example on a disk.
package bounded

import (
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// TimeoutError is the error of a Call whose function did not return in time.
type TimeoutError time.Duration

// Error names the limit.
func (e TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", time.Duration(e)) }

// Call calls one function for all of its callers. The zero value is ready. Safe for concurrent use.
type Call[T any] struct{ group singleflight.Group }

// Do calls f and returns its results, or a TimeoutError after limit; f then runs on. While f runs, other calls of Do
// wait for its result and do not call f again: a disk that hangs holds one goroutine, however often it is asked.
func (c *Call[T]) Do(limit time.Duration, f func() (T, error)) (T, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-c.group.DoChan("", func() (any, error) { return f() }):
		v, _ := r.Val.(T)
		return v, r.Err
	case <-timer.C:
		var none T
		return none, TimeoutError(limit)
	}
}
