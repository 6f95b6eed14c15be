package cli

import (
	"crypto/rand"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"golang.org/x/term"
)

// Streams are all that a command has of the world around it.
type Streams struct {
	In            io.Reader
	Out, Err      io.Writer
	OutIsTerminal bool
	ErrIsTerminal bool
	Env           func(name string) string
	Now           func() time.Time
	Random        io.Reader // cryptographically secure
}

// SystemStreams returns those of the process.
func SystemStreams() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutIsTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrIsTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Env:           os.Getenv,
		Now:           time.Now,
		Random:        rand.Reader,
	}
}

// now is the clock in the store's own precision, so that what is printed is what was kept.
func (s Streams) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// colors returns the colours a stream may carry: none unless it is a terminal that wants them.
func (s Streams) colors(isTerminal bool) termenv.Profile {
	if !isTerminal || s.Env("NO_COLOR") != "" || s.Env("TERM") == "dumb" {
		return termenv.Ascii
	}
	return termenv.ANSI
}

// styles are the few ways in which text stands out on a terminal. They change nothing anywhere else.
type styles struct {
	title, faint, good, bad lipgloss.Style
}

func newStyles(out io.Writer, profile termenv.Profile) styles {
	r := lipgloss.NewRenderer(out)
	r.SetColorProfile(profile)
	// The background is asked of a terminal by an escape sequence, and only for adaptive colours.
	r.SetHasDarkBackground(true)
	return styles{
		title: r.NewStyle().Bold(true),
		faint: r.NewStyle().Faint(true),
		good:  r.NewStyle().Foreground(lipgloss.ANSIColor(2)),
		bad:   r.NewStyle().Foreground(lipgloss.ANSIColor(1)),
	}
}
