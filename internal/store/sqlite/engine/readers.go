package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

const (
	// maxReaders serve hundreds of requests: a lookup takes microseconds. Each costs its page cache.
	maxReaders = 4
	// maxReadersWait bounds a recovery's wait for reads.
	maxReadersWait = time.Second
	// readWorkers share transactions. More workers than cores would wait for each other.
	readWorkers = 2
	// maxSharedReads share a transaction, whose locks cost as much as a lookup.
	maxSharedReads = 64
)

// Read runs f with a connection that cannot write. ctx ends the wait for one, and a statement that runs long.
func (db *DB) Read(ctx context.Context, f func(*Conn) error) (err error) {
	if err := db.Err(); err != nil {
		return err
	}
	var c *Conn
	select {
	case c = <-db.readers:
	case <-db.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection that reads: %w", ctx.Err())
	}
	defer func() {
		if c != nil && c.spoiled {
			c.discard()
			c = nil
		}
		db.readers <- c
	}()
	if c == nil {
		if c, err = db.openReader(); err != nil {
			return fmt.Errorf("open a connection that reads: %w", err)
		}
	}
	c.ctx = ctx
	defer func() { c.ctx = context.Background() }()
	if err = f(c); err != nil {
		return cmp.Or(ctx.Err(), err) // not SQLite's word for an interrupted statement
	}
	return nil
}

// ReadSnapshot is Read in one read transaction.
func (db *DB) ReadSnapshot(ctx context.Context, f func(*Conn) error) error {
	return db.Read(ctx, func(c *Conn) error { return c.snapshot(f) })
}

// openReader opens, next to a writer, a connection that cannot write: the last one to close would play the WAL into a
// file that was just put in the database's place.
func (db *DB) openReader() (*Conn, error) {
	if db.unopened != nil {
		return nil, db.unopened
	}
	mode := accessRead
	if db.opt.ReadOnly {
		mode = accessShared
	}
	c, err := openConn(db.path, mode, false)
	if err != nil {
		return nil, err
	}
	if err := db.checkFiles(); err != nil { // it may have opened another file
		c.discard()
		return nil, err
	}
	return c, nil
}

// closeReaders does nothing and returns errReadersBusy if a read does not end in time.
func (db *DB) closeReaders(limit <-chan time.Time) error {
	held := make([]*Conn, 0, maxReaders)
	for len(held) < maxReaders {
		select {
		case c := <-db.readers:
			held = append(held, c)
		case <-limit:
			db.putReaders(held)
			return errReadersBusy
		}
	}
	for _, c := range held {
		c.discard()
	}
	return nil
}

func (db *DB) putReaders(conns []*Conn) {
	for _, c := range conns {
		db.readers <- c
	}
}

// withoutReaders runs f while reads wait. They fail with its error, if it fails, until the next time.
func (db *DB) withoutReaders(f func() error) error {
	if err := db.closeReaders(time.After(maxReadersWait)); err != nil {
		return err
	}
	db.unopened = f()
	db.putReaders(make([]*Conn, maxReaders))
	return db.unopened
}

// ReadShared runs one short lookup in a shared read transaction, which begins after this call. It returns when ctx
// ends, whatever the disk does: f may then still run, and its results must not be used.
func (db *DB) ReadShared(ctx context.Context, f func(*Conn) error) error {
	c := newCall(ctx, f)
	if err := c.submit(db.reads, db.closed); err != nil {
		return err
	}
	return c.wait(db.closed)
}

func (db *DB) answerReads() {
	batch := make([]*call, 0, maxSharedReads)
	for {
		select {
		case <-db.closed:
			return
		case c := <-db.reads:
			batch := take(gather(db.reads, append(batch, c)))
			err := db.Read(context.Background(), func(c *Conn) error { return readAll(c, batch) })
			for _, c := range batch {
				c.answer(cmp.Or(err, c.err))
			}
		}
	}
}

// readAll keeps each function's error as its own.
func readAll(c *Conn, batch []*call) error {
	all := func(c *Conn) error {
		for _, one := range batch {
			one.err = one.run(c)
		}
		return nil
	}
	if len(batch) == 1 {
		return all(c)
	}
	return c.snapshot(all)
}
