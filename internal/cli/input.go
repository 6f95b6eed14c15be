package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// openInput opens a file of the command line, or standard input for "-". An unknown size is 0.
func (e *env) openInput(name string) (r io.ReadCloser, size int64, err error) {
	if name == "-" {
		return io.NopCloser(e.In), 0, nil
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

// interruptible returns a reader of r that fails when ctx ends, even while a read of r blocks: a terminal or
// a pipe may be silent for hours. The blocked read stays behind until the process ends.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	context.AfterFunc(ctx, func() { _ = pw.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(pw, r)
		_ = pw.CloseWithError(cmp.Or(err, ctx.Err()))
	}()
	return pr
}
