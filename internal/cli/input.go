package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/triport/triport-console/internal/jsonl"
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

// interruptible returns a reader of r that fails when ctx ends, even while a read of r blocks: a pipe may be
// silent for hours. The blocked read ends with the process.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	pr, pw := io.Pipe()
	context.AfterFunc(ctx, func() { _ = pw.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(pw, r)
		_ = pw.CloseWithError(cmp.Or(err, ctx.Err()))
	}()
	return pr
}

// progress shows the progress on a terminal. Errors of stderr cannot be reported.
type progress struct {
	bar     *progressbar.ProgressBar
	byBytes bool
	errors  io.Writer
	bad     int64 // lines that were not processed
}

// newProgress counts bytes if size is known, and lines otherwise.
func (e *env) newProgress(what string, size int64) *progress {
	out, byBytes := io.Discard, size > 0
	if e.ErrIsTerminal {
		out = e.Err
	}
	return &progress{progressbar.NewOptions64(cmp.Or(size, -1),
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionShowBytes(byBytes), progressbar.OptionShowCount(),
	), byBytes, e.Err, 0}
}

func (p *progress) reader(r io.Reader) io.Reader {
	if p.byBytes {
		return io.TeeReader(r, p.bar)
	}
	return r
}

func (p *progress) lines(n int64) {
	if !p.byBytes {
		_ = p.bar.Set64(n)
	}
}

// steps shows steps of a known number.
func (p *progress) steps(done, steps int64) {
	p.bar.ChangeMax64(steps)
	_ = p.bar.Set64(done)
}

// badLine prints why a line of the input was not processed, up to jsonl.MaxReported lines.
func (p *progress) badLine(number int, err error) {
	if p.bad++; p.bad > jsonl.MaxReported {
		return
	}
	_ = p.bar.Clear()
	fmt.Fprintf(p.errors, "line %d: %s\n", number, escapeText(err.Error()))
}

// done removes the bar and counts the bad lines that were not printed.
func (p *progress) done() {
	_ = p.bar.Clear()
	_ = p.bar.Exit()
	if more := p.bad - jsonl.MaxReported; more > 0 {
		fmt.Fprintf(p.errors, "%s\n", plural(more, "more malformed line"))
	}
}
