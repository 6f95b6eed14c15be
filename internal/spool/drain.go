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

type replayFunc = func(segment io.Reader, deadLetter referral.DeadLetter) error

// Drain passes what waits now to replay, one segment at a time, oldest first. It removes a segment after replay
// returned nil; a crash before that makes the next drain replay all of it. While another drain runs, it waits.
func (s *Spool) Drain(ctx context.Context, replay replayFunc) (err error) {
	if waiting, err := s.Waiting(); err != nil || !waiting {
		return err
	}
	unlock, err := s.lock(ctx, drainLock, drainPoll)
	if err != nil {
		return fmt.Errorf("wait for another drain of the spool: %w", err)
	}
	defer unlock()
	letters := &deadLetters{spool: s}
	defer func() { err = errors.Join(err, letters.close()) }()

	segments, err := s.segments()
	if err != nil {
		return err
	}
	for _, name := range segments {
		if err := s.drainSegment(name, letters, replay); err != nil {
			return err
		}
	}
	// Only now: a store that fails for an hour must leave one segment, not one per second.
	name, err := s.cut(ctx)
	if err != nil || name == "" {
		return err
	}
	return s.drainSegment(name, letters, replay)
}

// cut renames what waits to the only segment and returns its name; empty if nothing waits.
func (s *Spool) cut(ctx context.Context) (string, error) {
	unlock, err := s.lock(ctx, appendLock, appendPoll)
	if err != nil {
		return "", err
	}
	defer unlock()
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return "", nil
	}
	segment := s.path + ".1"
	if err = checkPlain(info, err); err == nil { // as a segment, a trap would block all later ones
		err = os.Rename(s.path, segment)
	}
	if err == nil {
		err = s.syncDir(s.dir())
	}
	if err != nil {
		return "", fmt.Errorf("cut a segment off the spool: %w", err)
	}
	return segment, nil
}

func (s *Spool) drainSegment(name string, letters *deadLetters, replay replayFunc) error {
	f, _, err := openPlain(name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	if err := errors.Join(replay(f, letters.add), f.Close()); err != nil {
		return fmt.Errorf("drain %s: %w", filepath.Base(name), err)
	}
	if err := letters.sync(); err != nil {
		return err
	}
	// Without the sync, a crash could bring the segment back.
	if err := errors.Join(os.Remove(name), s.syncDir(s.dir())); err != nil {
		return fmt.Errorf("remove a drained segment: %w", err)
	}
	return nil
}
