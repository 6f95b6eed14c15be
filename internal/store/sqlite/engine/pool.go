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
)

// opener opens a connection that reads.
type opener func() (*Conn, error)

// pool lends connections that read, each to one caller at a time.
type pool struct {
	slots  chan *Conn // idle connections; nil if not opened yet
	open   opener     // read with one slot in hand, changed with all of them
	closed chan struct{}
}

func newPool(open opener, closed chan struct{}) *pool {
	p := &pool{slots: make(chan *Conn, maxReaders), open: open, closed: closed}
	for range maxReaders {
		p.slots <- nil
	}
	return p
}

// lend runs f with an idle connection. ctx bounds the wait for one.
func (p *pool) lend(ctx context.Context, f func(*Conn) error) error {
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
	select {
	case <-p.closed:
		return ErrClosed
	default:
	}
	if c == nil {
		var err error
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
	if !ok {
		for _, c := range held {
			p.slots <- c
		}
		return errReadersBusy
	}
	for _, c := range held {
		c.discard()
	}
	p.open = between()
	for range maxReaders {
		p.slots <- nil
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

// close waits for all reads and closes the connections. p.closed must be closed before.
func (p *pool) close() {
	held, _ := p.take(nil)
	for _, c := range held {
		c.discard()
	}
}
