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
	p.fill(make([]*Conn, maxReaders))
	return p
}

func (p *pool) fill(conns []*Conn) {
	for _, c := range conns {
		p.slots <- c
	}
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
	held, ok := p.take(time.After(maxReadersWait))
	if ok {
		for i, c := range held {
			c.discard()
			held[i] = nil
		}
		p.open = between()
	}
	p.fill(held)
	if !ok {
		return errReadersBusy
	}
	return nil
}

// take takes all connections out of service, and reports whether it got them in time.
func (p *pool) take(limit <-chan time.Time) (held []*Conn, ok bool) {
	for range maxReaders {
		select {
		case c := <-p.slots:
			held = append(held, c)
		case <-limit:
			return held, false
		}
	}
	return held, true
}

// close waits for all reads and closes the connections.
func (p *pool) close() {
	held, _ := p.take(nil)
	close(p.closed)
	for _, c := range held {
		c.discard()
	}
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
	select {
	case db.reads <- c:
		return c.wait(db.closed)
	case <-db.closed:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a look-up: %w", ctx.Err())
	}
}

func (db *DB) answerReads() {
	batch := make([]*call, 0, maxSharedReads)
	for {
		select {
		case <-db.closed:
			return
		case c := <-db.reads:
			batch := claim(gather(db.reads, c, batch))
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
