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

// replayFunc puts the lines of a segment through the decision; see referral.Spool.
type replayFunc = func(segment io.Reader, setAside referral.SetAside) error

// Drain hands what waits at the time of the call, a segment at a time and oldest first, to replay, and
// forgets a segment once replay returned nil for it and the lines it set aside are durable. Attempts
// appended meanwhile wait for the next drain. Drain waits, as long as ctx lasts, for another one that
// is under way, here or in another process. A crash at any point leaves a segment that the next drain
// hands to replay again, whole.
func (s *Spool) Drain(ctx context.Context, replay replayFunc) error {
	if waiting, err := s.Waiting(); err != nil || !waiting {
		return err
	}
	unlock, err := lock(ctx, s.drainLock(), drainPoll)
	if err != nil {
		return fmt.Errorf("wait for another drain of the spool: %w", err)
	}
	defer unlock()
	bad := &badFile{name: s.BadFile()}
	defer bad.close()

	// What an earlier drain left over comes first. The file is cut only then, so that a store that is
	// sick for an hour leaves one segment behind and not one a second.
	segments, err := s.segments()
	if err != nil {
		return err
	}
	for _, name := range segments {
		if err := drainSegment(ctx, name, bad, replay); err != nil {
			return err
		}
	}
	name, err := s.cut(ctx)
	if err != nil {
		return fmt.Errorf("cut a segment off the spool: %w", err)
	}
	if name == "" {
		return nil
	}
	return drainSegment(ctx, name, bad, replay)
}

// cut turns what waits into a segment and returns its name, which is empty when nothing waits.
func (s *Spool) cut(ctx context.Context) (string, error) {
	unlock, err := lock(ctx, s.appendLock(), appendPoll)
	if err != nil {
		return "", err
	}
	defer unlock()
	info, err := os.Lstat(s.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return "", nil
	}
	if err == nil {
		err = plain(info, s.path) // as a segment it would come first for ever
	}
	if err != nil {
		return "", err
	}
	name, err := s.freeSegment()
	if err != nil {
		return "", err
	}
	if err := os.Rename(s.path, name); err != nil {
		return "", err
	}
	return name, syncDir(name)
}

// freeSegment returns the first name that is free. What an earlier drain left over is drained by now, so
// that no older segment comes behind it.
func (s *Spool) freeSegment() (string, error) {
	for n := uint64(1); ; n++ {
		_, err := os.Lstat(s.segment(n))
		if errors.Is(err, fs.ErrNotExist) {
			return s.segment(n), nil
		}
		if err != nil {
			return "", err
		}
	}
}

func drainSegment(ctx context.Context, name string, bad *badFile, replay replayFunc) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	f, err := openOwn(name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	err = replay(f, bad.add)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("drain %s: %w", filepath.Base(name), err)
	}
	if err := bad.sync(); err != nil {
		return fmt.Errorf("keep the broken lines of %s: %w", filepath.Base(name), err)
	}
	if err := errors.Join(os.Remove(name), syncDir(name)); err != nil {
		return fmt.Errorf("forget what is drained: %w", err)
	}
	return nil
}
