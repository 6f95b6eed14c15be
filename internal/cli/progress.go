package cli

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far a long command has come. Anywhere else it shows nothing.
type progress struct {
	bar     *progressbar.ProgressBar
	byBytes bool
}

// newProgress measures by bytes where the size is known, and else by the lines read.
func (a *app) newProgress(what string, size int64) *progress {
	if !a.ErrIsTerminal {
		return &progress{}
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(a.Err), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0),
	}
	if size > 0 {
		return &progress{progressbar.NewOptions64(size, append(options, progressbar.OptionShowBytes(true))...), true}
	}
	return &progress{progressbar.NewOptions64(-1, append(options, progressbar.OptionShowCount())...), false}
}

// reader counts what is read from r.
func (p *progress) reader(r io.Reader) io.Reader {
	if p.bar == nil || !p.byBytes {
		return r
	}
	return io.TeeReader(r, p.bar)
}

// The errors of the bar are those of stderr, where there is nobody left to tell.

// lines tells how many lines have been read.
func (p *progress) lines(n int64) {
	if p.bar != nil && !p.byBytes {
		_ = p.bar.Set64(n)
	}
}

// clear makes room for a line of text.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
