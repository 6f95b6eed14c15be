package engine

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxReaders bounds the connections that read. A look-up takes microseconds, so a few serve
	// hundreds of requests; each costs its page cache.
	maxReaders = 4
	// maxReadersWait bounds how long a recovery waits for reads to end.
	maxReadersWait = time.Second
	// readWorkers share transactions at the same time. More than there are cores would only wait for each other.
	readWorkers = 2
	// maxSharedReads share one read transaction, whose locks cost as much as a look-up.
	maxSharedReads = 64
)

// opener opens a connection that reads.
type opener func() (*Conn, error)

// pool lends connections that read, each to one caller at a time.
type pool struct {
	slots  chan *Conn // idle connections; nil if not opened yet
	open   opener     // read with one slot in hand, changed with all of them
	closed chan struct{}
}

func newPool(open opener) *pool {
	p := &pool{slots: make(chan *Conn, maxReaders), open: open, closed: make(chan struct{})}
	for range maxReaders {
		p.slots <- nil
	}
	return p
}

// lend runs f with an idle connection. ctx bounds the wait for one.
func (p *pool) lend(ctx context.Context, f func(*Conn) error) (err error) {
	var c *Conn
	select {
	case c = <-p.slots:
	case <-p.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection that reads: %w", ctx.Err())
	}
	defer func() {
		if c != nil && c.spoiled {
			c.discard()
			c = nil
		}
		p.slots <- c
	}()
	if c == nil {
		if c, err = p.open(); err != nil {
			return fmt.Errorf("open a connection that reads: %w", err)
		}
	}
	return f(c)
}

// reset closes all connections and runs between while there are none. It returns how the next ones are
// opened. Reads wait meanwhile. The error is errReadersBusy if a read does not end in time: nothing was done.
func (p *pool) reset(between func() opener) error {
	held, err := p.take(time.After(maxReadersWait))
	if err == nil {
		discardAll(held)
		clear(held)
		p.open = between()
	}
	for _, c := range held {
		p.slots <- c
	}
	return err
}

// take takes all connections out of service.
func (p *pool) take(limit <-chan time.Time) (held []*Conn, err error) {
	for range maxReaders {
		select {
		case c := <-p.slots:
			held = append(held, c)
		case <-limit:
			return held, errReadersBusy
		}
	}
	return held, nil
}

// close waits for all reads and closes the connections.
func (p *pool) close() {
	held, _ := p.take(nil)
	close(p.closed)
	discardAll(held)
}

// openReader opens a connection that reads. Next to a writer it cannot harm a file that was put in the
// database's place just now: the last connection that may write a file plays the WAL next to it into it.
func (db *DB) openReader() (*Conn, error) {
	mode := accessRead
	if db.writer == nil {
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
			batch := claim(gather(db.reads, append(batch, c)))
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
	all := func() error {
		for _, one := range batch {
			one.err = one.run(c)
		}
		return nil
	}
	if len(batch) == 1 {
		return all()
	}
	return c.Snapshot(all)
}
