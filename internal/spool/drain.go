package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/triport/triport-console/internal/referral"
)

// Drain passes what waits now to replay, one segment at a time, oldest first. It removes a segment after replay
// returned nil and its dead letters are durable. After a crash, the next drain replays the complete segment again.
// While another drain runs, here or in another process, Drain waits until ctx ends.
func (s *Spool) Drain(ctx context.Context, replay func(io.Reader, referral.DeadLetter) error) (err error) {
	if waiting, err := s.Waiting(); err != nil || !waiting {
		return err
	}
	unlock, err := lock(ctx, s.path+drainLock, drainPoll)
	if err != nil {
		return fmt.Errorf("wait for another drain of the spool: %w", err)
	}
	defer unlock()
	letters := &deadLetters{spool: s}
	defer func() { err = errors.Join(err, letters.close()) }()

	// What waits becomes a segment only after all others are drained: a store that fails for an hour leaves
	// one segment, not one per second.
	segments, err := s.segments()
	if err != nil {
		return err
	}
	for _, name := range segments {
		if err := s.drainSegment(ctx, name, letters, replay); err != nil {
			return err
		}
	}
	name := s.path + ".1"
	if cut, err := s.cut(ctx, name); err != nil || !cut {
		return err
	}
	return s.drainSegment(ctx, name, letters, replay)
}

// cut renames what waits to a segment. It returns false if nothing waits.
func (s *Spool) cut(ctx context.Context, segment string) (bool, error) {
	unlock, err := lock(ctx, s.path+appendLock, appendPoll)
	if err != nil {
		return false, err
	}
	defer unlock()
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return false, nil
	}
	if err = checkPlain(info, err); err == nil { // as a segment, a trap would block all later ones
		if err = os.Rename(s.path, segment); err == nil {
			err = s.syncDir(s.dir())
		}
	}
	if err != nil {
		return false, fmt.Errorf("cut a segment off the spool: %w", err)
	}
	return true, nil
}

func (s *Spool) drainSegment(ctx context.Context, name string, letters *deadLetters, replay func(io.Reader, referral.DeadLetter) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	f, _, err := openPlain(name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	err = replay(f, letters.add)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("drain %s: %w", filepath.Base(name), err)
	}
	if err := letters.sync(); err != nil {
		return err
	}
	// Without the sync of the directory, a crash could bring the segment back after its attempts were decided.
	if err := errors.Join(os.Remove(name), s.syncDir(s.dir())); err != nil {
		return fmt.Errorf("remove a drained segment: %w", err)
	}
	return nil
}
