package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/triport/triport-console/internal/referral"
)

// Snapshot returns the lines that wait at the time of the call, oldest first. It changes nothing, and later appends
// and drains do not change it. The caller must close it.
func (s *Spool) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	unlock, err := lockShared(ctx, s.path+appendLock, appendPoll)
	if err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	defer unlock()
	names, err := s.files()
	if err != nil {
		return nil, err
	}
	all := &snapshot{}
	var parts []io.Reader
	for _, name := range names {
		part, err := all.open(name)
		if err != nil {
			return nil, fmt.Errorf("open the spool: %w", errors.Join(err, all.Close()))
		}
		parts = append(parts, part)
	}
	all.Reader = io.MultiReader(parts...)
	return all, nil
}

// snapshot reads several files in order and closes them together.
type snapshot struct {
	io.Reader
	files []*os.File
}

// open returns what a file contains now. It ends a torn last line, which would continue in the next file.
func (s *snapshot) open(name string) (io.Reader, error) {
	f, info, err := openPlain(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // nothing waits in it, or it was just drained
		return strings.NewReader(""), nil
	}
	if err != nil {
		return nil, err
	}
	s.files = append(s.files, f)
	end, err := lineEnd(f, info.Size())
	return io.MultiReader(io.LimitReader(f, info.Size()), strings.NewReader(end)), err
}

func (s *snapshot) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Pending counts the waiting attempts that match, in constant memory. An attempt's User is the id or e-mail address
// in its line.
func (s *Spool) Pending(ctx context.Context, match func(referral.Attempt) bool) (int, error) {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = snapshot.Close() }() // only read
	n := 0
	for line, err := range referral.ReadLines(snapshot, referral.SourceSpool) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return 0, fmt.Errorf("read the spool: %w", err)
		}
		if line.Err == nil && match(line.Value) {
			n++
		}
	}
	return n, nil
}
