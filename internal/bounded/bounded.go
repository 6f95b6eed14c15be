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

// Do returns the results of f, or a TimeoutError after limit; f keeps running. Meanwhile other calls of Do wait for
// its result: a disk that hangs holds one goroutine, not one per call.
func (c *Call[T]) Do(limit time.Duration, f func() (T, error)) (v T, err error) {
	select {
	case r := <-c.group.DoChan("", func() (any, error) { return f() }):
		v, _ = r.Val.(T)
		return v, r.Err
	case <-time.After(limit):
		return v, TimeoutError(limit)
	}
}
