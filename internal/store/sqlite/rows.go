package sqlite

import (
	"context"
	"errors"
	"iter"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// method is one of the engine's methods that run a function: Read, Write, WriteAlone …
type method = func(ctx context.Context, f func(*engine.Conn) error) error

// resultOf returns the result of f, run by the method.
func resultOf[T any](ctx context.Context, by method, f func(*engine.Conn) (T, error)) (T, error) {
	var result, none T
	err := by(ctx, func(c *engine.Conn) (err error) {
		result, err = f(c)
		return err
	})
	if err != nil { // f may still run: its result must not be read
		return none, err
	}
	return result, nil
}

// resultsOf returns the result of f for each item, in one transaction.
func resultsOf[T, R any](ctx context.Context, s *Store, items []T, f func(*engine.Conn, T) (R, error)) ([]R, error) {
	return resultOf(ctx, s.WriteBulk, func(c *engine.Conn) ([]R, error) {
		results := make([]R, len(items))
		for i, item := range items {
			var err error
			if results[i], err = f(c, item); err != nil {
				return nil, err
			}
		}
		return results, nil
	})
}

// scanEach calls f with every row. columns returns the destinations of one.
func scanEach[T any](q engine.Query, columns func(*T) []any, f func(T) error) error {
	return q.Each(func(r engine.Row) error {
		var v T
		if err := r.Scan(columns(&v)...); err != nil {
			return err
		}
		return f(v)
	})
}

// scanAll returns every row.
func scanAll[T any](q engine.Query, columns func(*T) []any) (all []T, err error) {
	err = scanEach(q, columns, func(v T) error {
		all = append(all, v)
		return nil
	})
	return all, err
}

// errStopped ends a query whose caller has seen enough.
var errStopped = errors.New("stopped by the caller")

// stream is a sequence of what read yields, as of one moment. Its last value may be a read error.
func stream[T any](ctx context.Context, s *Store, read func(c *engine.Conn, yield func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.ReadSnapshot(ctx, func(c *engine.Conn) error {
			return read(c, func(v T) error {
				if err := ctx.Err(); err != nil || yield(v, nil) {
					return err
				}
				return errStopped
			})
		})
		if err != nil && !errors.Is(err, errStopped) {
			var none T
			yield(none, err)
		}
	}
}
