package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/triport/triport-console/internal/referral"
)

// entry is one call of Append.
type entry struct {
	lines []byte
	done  chan error // receives one result; buffered, because the caller may be gone
}

// Append makes the attempts durable: nil means that their lines are on disk. Concurrent calls share a write and its
// fsync. If ctx ends first, the lines may still be written: their ids make that harmless.
func (s *Spool) Append(ctx context.Context, attempts ...referral.Attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	e := &entry{done: make(chan error, 1)}
	for _, a := range attempts {
		e.lines = append(append(e.lines, referral.FormatLine(a)...), '\n')
	}
	s.enqueue(e)
	for {
		select {
		case err := <-e.done:
			return err
		case s.turn <- struct{}{}:
			// In a goroutine: a disk that hangs must not hold the caller beyond its ctx.
			go s.writeQueue(ctx)
		case <-ctx.Done():
			s.withdraw(e)
			return fmt.Errorf("append to the spool: %w", ctx.Err())
		}
	}
}

// writeQueue writes what is queued, sends the results and gives the turn back. If ctx ends while another process
// holds the lock, the next turn writes the queue.
func (s *Spool) writeQueue(ctx context.Context) {
	defer func() { <-s.turn }()
	unlock, err := lock(ctx, s.appendLock(), appendPoll)
	if err != nil && ctx.Err() != nil {
		return
	}
	batch := s.take()
	if err == nil {
		if len(batch) > 0 {
			err = s.write(batch)
			s.failed = err != nil
		}
		unlock()
	}
	if err != nil {
		err = fmt.Errorf("append to the spool: %w", err)
	}
	for _, e := range batch {
		e.done <- err
	}
}

func (s *Spool) enqueue(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, e)
}

// withdraw removes an entry whose caller is gone: a disk that hangs must not fill the memory.
func (s *Spool) withdraw(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(queued *entry) bool { return queued == e })
}

func (s *Spool) take() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.queue
	s.queue = nil
	return batch
}

// write makes the lines of the batch durable: all or, on an error, none. After a failed append, it begins with a
// newline: the system may show a complete last line of which the disk has nothing, and a crash would join it to the
// next line.
func (s *Spool) write(batch []*entry) error {
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
	_, err = f.Write(lines)
	if err == nil {
		err = s.syncFile(f)
	}
	if err != nil {
		// The callers keep the attempts elsewhere. If the truncation fails too, the file is torn.
		return errors.Join(err, f.Truncate(size), f.Close())
	}
	return f.Close()
}
