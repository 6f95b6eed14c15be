package spool

import (
	"cmp"
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
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/triport/triport-console/internal/referral"
)

// Waiting reports whether attempts wait, without reading them.
func (s *Spool) Waiting() (bool, error) {
	stats, _, err := s.sizes()
	return stats.Bytes > 0, err
}

// Stats is how much waits, and since when.
type Stats struct {
	Bytes           int64     // that wait
	Segments        int       // files that a drain has begun and not finished
	Oldest          time.Time // time of the first waiting attempt; zero if none waits
	DeadLetterBytes int64
}

// Stats reads sizes and the oldest file. It takes no lock and may miss a file that is being renamed.
func (s *Spool) Stats() (Stats, error) {
	stats, names, err := s.sizes()
	for i := 0; i < len(names) && stats.Bytes > 0 && stats.Oldest.IsZero(); i++ {
		if stats.Oldest, err = firstTime(names[i]); err != nil {
			return Stats{}, fmt.Errorf("look at the spool: %w", err)
		}
	}
	return stats, err
}

// sizes returns the stats without Oldest, and the files that wait, oldest first.
func (s *Spool) sizes() (stats Stats, names []string, err error) {
	if names, err = s.segments(); err != nil {
		return Stats{}, nil, err
	}
	stats.Segments, names = len(names), append(names, s.path)
	for _, name := range append(names, s.DeadLetterFile()) {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return Stats{}, nil, fmt.Errorf("look at the spool: %w", err)
		case name == s.DeadLetterFile():
			stats.DeadLetterBytes = info.Size()
		default:
			stats.Bytes += info.Size()
		}
	}
	return stats, names, nil
}

// firstTime returns the time of the first attempt, or of the last append after many bad lines; zero for no file.
func firstTime(name string) (time.Time, error) {
	const limit = 64 << 10 // bytes: a few hundred lines
	f, info, err := openPlain(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // just drained
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = f.Close() }() // only read
	for line, err := range referral.ReadLines(io.LimitReader(f, limit), referral.SourceSpool) {
		if err != nil || line.Err == nil {
			return line.Value.At, err
		}
	}
	if info.Size() == 0 {
		return time.Time{}, nil
	}
	return info.ModTime(), nil
}

// Snapshot returns the lines that wait now, oldest first, whatever happens later. The caller must close it.
func (s *Spool) Snapshot(ctx context.Context) (io.ReadCloser, error) {
	// Without a lock file, no attempt was appended yet.
	l := flock.New(s.path+appendLock, flock.SetFlag(os.O_RDONLY|syscall.O_NOFOLLOW))
	if _, err := l.TryRLockContext(ctx, appendPoll); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the spool: lock the spool: %w", err)
	}
	defer func() { _ = l.Unlock() }()
	names, err := s.segments()
	if err != nil {
		return nil, err
	}
	all := &snapshot{Reader: strings.NewReader("")}
	// The order of a drain: what is carried comes last.
	i := slices.Index(names, s.path+firstSegment) + 1
	for _, name := range slices.Insert(names, i, s.path) {
		if err := all.add(name); err != nil {
			return nil, fmt.Errorf("open the spool: %w", errors.Join(err, all.Close()))
		}
	}
	return all, nil
}

// snapshot reads several files in order and closes them together.
type snapshot struct {
	io.Reader
	files []*os.File
}

// add adds what a file contains now. It ends a torn last line, which would continue in the next file.
func (s *snapshot) add(name string) error {
	f, info, err := openPlain(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // nothing waits in it, or it was just drained
		return nil
	}
	if err != nil {
		return err
	}
	end, err := lineEnd(f, info.Size())
	s.files = append(s.files, f)
	s.Reader = io.MultiReader(s.Reader, io.LimitReader(f, info.Size()), strings.NewReader(end))
	return err
}

// Close closes the files.
func (s *snapshot) Close() (err error) {
	for _, f := range s.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Pending counts the waiting attempts that match. An attempt's User is the id or e-mail address in its line.
func (s *Spool) Pending(ctx context.Context, match func(referral.Attempt) bool) (n int, err error) {
	snapshot, err := s.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = snapshot.Close() }() // only read
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

// segments returns the names of the segments, oldest first.
func (s *Spool) segments() ([]string, error) {
	entries, err := os.ReadDir(s.dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("find segments of the spool: %w", err)
	}
	var names []string
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), filepath.Base(s.path)+".")
		if n, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && strconv.FormatUint(n, 10) == digits {
			names = append(names, s.path+"."+digits)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return names, nil
}
