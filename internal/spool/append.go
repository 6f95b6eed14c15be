package spool

import (
	"context"
	"errors"
	"fmt"

	"github.com/triport/triport-console/internal/referral"
)

// maxQueue limits the appends that wait, also of callers that are gone: a disk that hangs must not fill the memory.
const maxQueue = 1024

// entry is one call of Append.
type entry struct {
	ctx   context.Context // of the caller
	lines []byte
	done  chan error // receives one result; buffered, because the caller may be gone
}

// Append makes the attempts durable: nil means that their lines are on disk. Concurrent calls share a write and its
// fsync. If ctx ends first, the lines may still be written: their ids make that harmless.
func (s *Spool) Append(ctx context.Context, attempts ...referral.Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	e := &entry{ctx: ctx, done: make(chan error, 1)}
	for _, a := range attempts {
		e.lines = append(append(e.lines, referral.FormatLine(a)...), '\n')
	}
	for queue := s.queue; ; {
		select {
		case queue <- e:
			queue = nil // once
		case err := <-e.done:
			return err
		case s.turn <- struct{}{}:
			// In a goroutine: a disk that hangs must not hold the caller beyond its ctx.
			go s.writeQueue(ctx)
		case <-ctx.Done():
			return fmt.Errorf("append to the spool: %w", ctx.Err())
		}
	}
}

// writeQueue writes what is queued, sends the results and gives the turn back. If ctx ends while another process
// holds the lock, the next turn writes the queue.
func (s *Spool) writeQueue(ctx context.Context) {
	defer func() { <-s.turn }()
	unlock, err := lock(ctx, s.path+appendLock, appendPoll)
	if err != nil && ctx.Err() != nil {
		return
	}
	var batch []*entry
	for len(s.queue) > 0 {
		if e := <-s.queue; e.ctx.Err() == nil {
			batch = append(batch, e)
		}
	}
	if err == nil {
		err = s.write(batch)
		unlock()
	}
	if err != nil {
		err = fmt.Errorf("append to the spool: %w", err)
	}
	for _, e := range batch {
		e.done <- err
	}
}

// write makes the lines of the batch durable: all or, on an error, none. After a failed write, it begins with a newline:
// the disk may lack the end of the last line, and a crash would join it to the next line.
func (s *Spool) write(batch []*entry) (err error) {
	if len(batch) == 0 {
		return nil
	}
	defer func() { s.failed = err != nil }()
	f, size, end, err := s.openAppend(s.path)
	if err != nil {
		return err
	}
	if s.failed && size > 0 {
		end = "\n"
	}
	lines := []byte(end)
	for _, e := range batch {
		lines = append(lines, e.lines...)
	}
	if _, err = f.Write(lines); err == nil {
		err = s.syncFile(f)
	}
	if err != nil { // the callers keep the attempts elsewhere
		err = errors.Join(err, f.Truncate(size))
	}
	return errors.Join(err, f.Close())
}
