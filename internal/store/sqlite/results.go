package sqlite

import (
	"context"
	"errors"
	"iter"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// method is a method of the engine, for example Read.
type method = func(ctx context.Context, f func(*engine.Conn) error) error

func resultOf[T any](ctx context.Context, by method, f func(*engine.Conn) (T, error)) (T, error) {
	var result, none T
	err := by(ctx, func(c *engine.Conn) (err error) {
		result, err = f(c)
		return err
	})
	if err != nil { // f may still run
		return none, err
	}
	return result, nil
}

// resultsOf runs f for each item, in one transaction.
func resultsOf[T, R any](ctx context.Context, s *Store, items []T, f func(*engine.Conn, T) (R, error)) ([]R, error) {
	return resultOf(ctx, s.WriteBulk, func(c *engine.Conn) ([]R, error) {
		results := make([]R, 0, len(items))
		for _, item := range items {
			result, err := f(c, item)
			if err != nil {
				return nil, err
			}
			results = append(results, result)
		}
		return results, nil
	})
}

// scanEach calls f with every row. columns returns the destinations of one.
func scanEach[T any](q engine.Query, columns func(*T) []any, f func(T) error) error {
	var v T
	return q.Each(func() error { return f(v) }, columns(&v)...)
}

func scanAll[T any](q engine.Query, columns func(*T) []any) (all []T, err error) {
	err = scanEach(q, columns, func(v T) error {
		all = append(all, v)
		return nil
	})
	return all, err
}

// errStopped ends a query early.
var errStopped = errors.New("stopped by the caller")

// reader yields what it reads, until yield returns an error.
type reader[T any] func(c *engine.Conn, yield func(T) error) error

// stream is a sequence of what read yields in one read transaction. Its last value may be a read error.
func stream[T any](ctx context.Context, s *Store, read reader[T]) iter.Seq2[T, error] {
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
