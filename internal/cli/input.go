package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// openInput opens a file named on the command line, or standard input for "-". The size is 0 when
// it is not known.
func (a *app) openInput(name string) (r io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(a.In), 0, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missing(fmt.Errorf("there is no file %q", name))
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open the input: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return f, size, nil
}

// closeInput closes what was only read: there is nothing that could be lost.
func closeInput(r io.Closer) { _ = r.Close() }

// interruptible returns r as a reader that fails when ctx ends, also while r waits: a terminal or a
// pipe may say nothing for hours.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &interruptibleReader{ctx: ctx, r: r, pieces: make(chan piece, 1)}
}

// interruptibleBuffer is the size of a read, in bytes.
const interruptibleBuffer = 64 << 10

type interruptibleReader struct {
	ctx    context.Context
	r      io.Reader
	pieces chan piece
	buf    []byte
	piece  piece // what is left of the last one
}

type piece struct {
	b   []byte
	err error
}

func (i *interruptibleReader) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	if len(i.piece.b) == 0 && i.piece.err == nil {
		if err := i.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, i.piece.b)
	i.piece.b = i.piece.b[n:]
	if len(i.piece.b) == 0 && i.piece.err != nil {
		return n, i.piece.err
	}
	return n, nil
}

// next waits for a piece of r. The buffer is never the caller's: a read that outlives ctx must not
// write into memory the caller has taken back.
func (i *interruptibleReader) next() error {
	if i.buf == nil {
		i.buf = make([]byte, interruptibleBuffer)
	}
	go func() {
		n, err := i.r.Read(i.buf)
		i.pieces <- piece{i.buf[:n], err}
	}()
	select {
	case i.piece = <-i.pieces:
		return nil
	case <-i.ctx.Done():
		return i.ctx.Err()
	}
}
