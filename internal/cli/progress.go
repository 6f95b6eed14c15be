package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows the progress of a long command on a terminal. Elsewhere it shows nothing.
type progress struct {
	bar     *progressbar.ProgressBar
	byBytes bool
}

// newProgress counts bytes if size is known, and lines otherwise.
func (e *env) newProgress(what string, size int64) *progress {
	if !e.ErrIsTerminal {
		return &progress{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(e.Err), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0), progressbar.OptionShowBytes(size > 0),
	}
	if size > 0 {
		return &progress{progressbar.NewOptions64(size, options...), true}
	}
	return &progress{progressbar.NewOptions64(-1, append(options, progressbar.OptionShowCount())...), false}
}

// reader counts the bytes that are read from r.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil || !p.byBytes {
		return r
	}
	return io.TeeReader(r, p.bar)
}

// The errors of the bar are errors of stderr: they cannot be reported.

// lines sets the number of lines read.
func (p *progress) lines(n int64) {
	if p.bar != nil && !p.byBytes {
		_ = p.bar.Set64(n)
	}
}

// clear removes the bar to print a line of text.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// done removes the bar for good.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
