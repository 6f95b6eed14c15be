package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/triport/triport-console/internal/referral"
)

// Stats is how much waits in the spool, and since when.
type Stats struct {
	Bytes           int64     // that wait
	Segments        int       // files that a drain has begun and not finished
	Oldest          time.Time // time of the first waiting attempt; zero if none waits
	DeadLetterBytes int64
}

// Stats reads sizes and the beginning of the oldest file. It takes no lock: it may miss what is being renamed.
func (s *Spool) Stats() (Stats, error) {
	stats, err := s.sizes()
	if err != nil || stats.Bytes == 0 {
		return stats, err
	}
	names, err := s.files()
	for i := 0; i < len(names) && err == nil && stats.Oldest.IsZero(); i++ {
		stats.Oldest, err = firstTime(names[i])
	}
	if err != nil {
		return Stats{}, fmt.Errorf("look at the spool: %w", err)
	}
	return stats, nil
}

// sizes returns the stats without Oldest.
func (s *Spool) sizes() (Stats, error) {
	names, err := s.files()
	if err != nil {
		return Stats{}, err
	}
	stats := Stats{Segments: len(names) - 1}
	for _, name := range append(names, s.DeadLetterFile()) {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return Stats{}, fmt.Errorf("look at the spool: %w", err)
		case name == s.DeadLetterFile():
			stats.DeadLetterBytes = info.Size()
		default:
			stats.Bytes += info.Size()
		}
	}
	return stats, nil
}

// firstBytes is how far firstTime reads: a few hundred lines.
const firstBytes = 64 << 10

// firstTime returns the time of the first attempt in a file, or of its last append if only bad lines come first. It is
// zero if the file is empty or missing.
func firstTime(name string) (time.Time, error) {
	f, info, err := openPlain(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // just drained
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = f.Close() }() // only read
	for line, err := range referral.ReadLines(io.LimitReader(f, firstBytes), referral.SourceSpool) {
		if err != nil || line.Err == nil {
			return line.Value.At, err
		}
	}
	if info.Size() == 0 {
		return time.Time{}, nil
	}
	return info.ModTime(), nil
}
