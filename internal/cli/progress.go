package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows the progress of a long command on a terminal. Elsewhere it shows nothing. Its errors are errors
// of stderr: they cannot be reported.
type progress struct {
	bar     *progressbar.ProgressBar
	byBytes bool
	errors  io.Writer
}

// newProgress counts bytes if size is known, and lines otherwise.
func (e *env) newProgress(what string, size int64) *progress {
	out, limit, byBytes := io.Discard, int64(-1), size > 0
	if e.ErrIsTerminal {
		out = e.Err
	}
	if byBytes {
		limit = size
	}
	return &progress{progressbar.NewOptions64(limit,
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionShowBytes(byBytes), progressbar.OptionShowCount(),
	), byBytes, e.Err}
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

// badLine removes the bar and prints why a line of the input was not processed.
func (p *progress) badLine(number int, err error) {
	_ = p.bar.Clear()
	fmt.Fprintf(p.errors, "line %d: %s\n", number, escapeText(err.Error()))
}

func (p *progress) done() {
	_ = p.bar.Clear()
	_ = p.bar.Exit()
}
