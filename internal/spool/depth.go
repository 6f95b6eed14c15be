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

// Depth is how much waits in the spool, and for how long.
type Depth struct {
	Bytes    int64     // of what waits
	Segments int       // how many files a drain has begun and not finished
	Oldest   time.Time // when the attempt was made that waits at the head; zero when nothing waits
	BadBytes int64     // of the lines that are set aside for a person to read
}

// Depth looks at the files of the spool and, where something waits, reads the head of the oldest. It
// takes no lock: during a drain it may miss what is being moved.
func (s *Spool) Depth() (Depth, error) {
	segments, err := s.segments()
	if err != nil {
		return Depth{}, err
	}
	d := Depth{Segments: len(segments)}
	for _, name := range append(segments, s.path) {
		size, err := sizeOf(name)
		if err == nil && size > 0 && d.Oldest.IsZero() {
			d.Oldest, err = headTime(name)
		}
		if err != nil {
			return Depth{}, fmt.Errorf("look at the spool: %w", err)
		}
		d.Bytes += size
	}
	d.BadBytes, err = sizeOf(s.BadFile())
	if err != nil {
		return Depth{}, fmt.Errorf("look at what the spool set aside: %w", err)
	}
	return d, nil
}

// sizeOf is 0 for a file that is not there.
func sizeOf(name string) (int64, error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// headBytes is how far headTime reads: room for a few hundred lines.
const headBytes = 64 << 10

// headTime is the time of the first attempt in a file; of a file that begins with rubbish, when it was
// last appended to. The file's own time would not do: it moves on with every attempt of an outage.
func headTime(name string) (time.Time, error) {
	f, err := openOwn(name, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) { // drained just now
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	for line, err := range referral.ReadLines(io.LimitReader(f, headBytes), referral.SourceSpool) {
		if err != nil {
			return time.Time{}, err
		}
		if line.Err == nil {
			return line.Attempt.At, nil
		}
	}
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
