package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/triport/triport-console/internal/referral"
)

type replayFunc = func(segment io.Reader, deadLetter referral.DeadLetter) error

// Drain passes what waits now to replay, one segment at a time. It removes a segment after replay returned nil, or
// after the lines of a referral.Undecided are in the next segment; a crash before that makes the next drain replay all
// of it. While another drain runs, it waits. The lines of an Undecided are tried again after more and more drains.
func (s *Spool) Drain(ctx context.Context, replay replayFunc) (err error) {
	if waiting, err := s.Waiting(); err != nil || !waiting {
		return err
	}
	unlock, err := s.lock(ctx, drainLock, drainPoll)
	if err != nil {
		return fmt.Errorf("wait for another drain of the spool: %w", err)
	}
	defer unlock()
	letters := &deadLetters{spool: s, name: s.DeadLetterFile()}
	defer func() { err = errors.Join(err, letters.close()) }()

	segments, err := s.segments()
	if err != nil {
		return err
	}
	if i := slices.Index(segments, s.path+firstSegment); i >= 0 {
		if err := s.drainSegment(segments[i], letters, replay); err != nil {
			return err
		}
		segments = slices.Delete(segments, i, i+1)
	}
	// Only now: a store that fails for an hour must leave one segment, not one per second.
	name, err := s.cut(ctx)
	if err != nil {
		return err
	}
	if !s.backoff.due(len(segments)) {
		segments = nil
	}
	if name != "" { // before attempts that failed earlier: they must not delay it
		segments = slices.Insert(segments, 0, name)
	}
	for _, name := range segments {
		if err := s.drainSegment(name, letters, replay); err != nil {
			return err
		}
	}
	return nil
}

// firstSegment is the suffix of what is cut off. Later segments have attempts that could not be decided.
const firstSegment = ".1"

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
	segment := s.path + firstSegment
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
	f, info, err := openPlain(name, os.O_RDONLY)
	if err != nil {
		return fmt.Errorf("drain the spool: %w", err)
	}
	var left *referral.Undecided
	err = errors.Join(replay(f, letters.add), f.Close())
	if err != nil && !errors.As(err, &left) {
		return fmt.Errorf("drain %s: %w", filepath.Base(name), err)
	}
	if err := letters.sync(); err != nil {
		return err
	}
	if left != nil {
		if name != s.path+firstSegment && int64(len(left.Lines)) == info.Size() {
			return nil // nothing was decided
		}
		if err := s.carry(name, left.Lines); err != nil {
			return fmt.Errorf("keep attempts that could not be decided: %w", err)
		}
	}
	// Without the sync, a crash could bring the segment back.
	if err := errors.Join(os.Remove(name), s.syncDir(s.dir())); err != nil {
		return fmt.Errorf("remove a drained segment: %w", err)
	}
	return nil
}

// carry makes the lines durable in the segment after name, without those that a killed drain carried.
func (s *Spool) carry(name string, lines []byte) error {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, s.path+"."), 10, 64)
	if err != nil {
		return err
	}
	next := &deadLetters{spool: s, name: s.path + "." + strconv.FormatUint(n+1, 10)}
	for line := range bytes.Lines(lines) {
		if _, err := next.add(bytes.NewReader(bytes.TrimSuffix(line, []byte("\n")))); err != nil {
			return errors.Join(err, next.close())
		}
	}
	return next.close()
}

// backoff bounds the drains that try carried segments again: thousands of their lines would take seconds of every
// drain. serve drains every second.
type backoff struct {
	mu   sync.Mutex
	wait int // drains between two tries
	left int // of them
}

// maxBackoff is the most drains without a try.
const maxBackoff = 60

// due is called by each drain with the number of carried segments.
func (b *backoff) due(segments int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case segments == 0:
		b.wait, b.left = 0, 0
	case b.left > 0:
		b.left--
	default:
		b.wait = min(max(1, 2*b.wait), maxBackoff)
		b.left = b.wait
		return true
	}
	return false
}
