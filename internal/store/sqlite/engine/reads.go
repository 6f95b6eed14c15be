package engine

import (
	"context"
	"fmt"
	"runtime"
)

const (
	// readWorkers read at the same time. More than there are cores would only wait for each other.
	readWorkers = 2
	// maxSharedReads share one read transaction, whose locks cost as much as a look-up.
	maxSharedReads = 64
)

// Read runs f with a connection that cannot write. ctx bounds the wait for the connection.
func (db *DB) Read(ctx context.Context, f func(*Conn) error) error {
	if err := db.Err(); err != nil {
		return err
	}
	return db.readers.lend(ctx, f)
}

// ReadShared runs f with a connection that cannot write, in a read transaction shared with other calls, which
// begins after this one was made. It is for one short look-up. It returns when ctx ends, whatever the
// disk does: then f may still run, and its results must not be used.
func (db *DB) ReadShared(ctx context.Context, f func(*Conn) error) error {
	db.startReading.Do(func() {
		for range readWorkers {
			go db.answerReads()
		}
	})
	c := newCall(f)
	select {
	case db.reads <- c:
	case <-db.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a look-up: %w", ctx.Err())
	}
	return c.wait(ctx, db.closed)
}

func (db *DB) answerReads() {
	batch := make([]*call, 0, maxSharedReads)
	for {
		select {
		case <-db.closed:
			return
		case c := <-db.reads:
			runtime.Gosched() // as in the writer: lets callers that are ready join
			batch = claim(gather(db.reads, append(batch[:0], c), maxSharedReads))
			err := db.Read(context.Background(), func(c *Conn) error { return readAll(c, batch) })
			for _, c := range batch {
				if err != nil {
					c.err = err
				}
				close(c.done)
			}
		}
	}
}

// readAll runs each function and keeps its error as its own.
func readAll(c *Conn, batch []*call) error {
	if len(batch) == 1 {
		return batch[0].run(c)
	}
	return c.Snapshot(func() error {
		for _, one := range batch {
			one.err = one.run(c)
		}
		return nil
	})
}
