package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Snapshot returns all that waits at the time of the call, oldest first, as lines. It moves nothing,
// and what is appended or drained meanwhile does not change it. The caller must close it.
func (s *Spool) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	snapshot, err := s.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", errors.Join(err, snapshot.Close()))
	}
	return snapshot, nil
}

func (s *Spool) open(ctx context.Context) (*snapshot, error) {
	all := &snapshot{}
	unlock, err := lockExisting(ctx, s.appendLock(), appendPoll)
	if err != nil {
		return all, err
	}
	defer unlock()
	segments, err := s.segments()
	if err != nil {
		return all, err
	}
	var parts []io.Reader
	for _, name := range append(segments, s.path) {
		f, err := openOwn(name, os.O_RDONLY)
		if errors.Is(err, fs.ErrNotExist) { // nothing waits in it, or it was drained just now
			continue
		}
		if err != nil {
			return all, err
		}
		all.files = append(all.files, f)
		part, err := wholeLines(f)
		if err != nil {
			return all, err
		}
		parts = append(parts, part)
	}
	all.Reader = io.MultiReader(parts...)
	return all, nil
}

// wholeLines reads what f holds now and ends a torn last line, so that the next file's first line is
// not taken for its continuation.
func wholeLines(f *os.File) (io.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	part := io.LimitReader(f, info.Size())
	if info.Size() == 0 {
		return part, nil
	}
	torn, err := endsTorn(f, info.Size())
	if torn {
		part = io.MultiReader(part, strings.NewReader("\n"))
	}
	return part, err
}

// snapshot reads files one after the other and closes them together.
type snapshot struct {
	io.Reader
	files []*os.File
}

func (s *snapshot) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
