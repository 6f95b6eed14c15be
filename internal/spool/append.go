package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/triport/triport-console/internal/referral"
)

// entry is what one Append wants written.
type entry struct {
	lines []byte
	done  chan error // receives the one answer; holds it when nobody waits any more
}

// Append makes the attempts durable: nil means that their lines are on disk. Appends that wait at the
// same time share a write and its fsync. When ctx ends first the error is ctx's, and the lines may
// still be written: the ids of the attempts make that harmless.
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
			// In a goroutine of its own: a disk that hangs must not hold the caller beyond its ctx.
			go s.lead(ctx)
		case <-ctx.Done():
			s.withdraw(e)
			return fmt.Errorf("append to the spool: %w", ctx.Err())
		}
	}
}

// lead writes what is queued and answers it, then gives the turn back. When ctx ends while another
// process holds the lock, the queue is left to whoever takes the next turn.
func (s *Spool) lead(ctx context.Context) {
	defer func() { <-s.turn }()
	if s.idle() {
		return
	}
	unlock, err := lock(ctx, s.appendLock(), appendPoll)
	if err != nil && ctx.Err() != nil {
		return
	}
	batch := s.take()
	if err == nil {
		err = appendFile(s.path, batch, s.doubtful)
		s.doubtful = err != nil
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

// withdraw forgets an entry nobody waits for, so that a disk that hangs does not fill the memory.
func (s *Spool) withdraw(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(queued *entry) bool { return queued == e })
}

func (s *Spool) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) == 0
}

func (s *Spool) take() []*entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := s.queue
	s.queue = nil
	return batch
}

// appendFile makes the lines of the batch durable, all or, on an error, none of them. The end of the
// file is doubtful after an append that failed: the system may show a whole line there of which the
// disk has nothing, and which would be glued to the next one after a crash.
func appendFile(name string, batch []*entry, doubtful bool) error {
	f, size, torn, err := openAppend(name)
	if err != nil {
		return err
	}
	var lines []byte
	if torn || doubtful && size > 0 {
		lines = append(lines, '\n')
	}
	for _, e := range batch {
		lines = append(lines, e.lines...)
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		// Whoever is answered with an error keeps the attempt elsewhere. Should the truncation fail
		// too, the file is torn, and the next append begins with a newline.
		return errors.Join(err, f.Truncate(size), f.Close())
	}
	return f.Close()
}
