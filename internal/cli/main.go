// Package cli contains the commands of the program.
package cli

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"golang.org/x/term"
)

// Main runs the program with the arguments and streams of the process and returns its exit code. The first SIGINT,
// SIGTERM or SIGHUP cancels the command, the second one ends it at once. SIGHUP stays ignored under nohup.
func Main() int {
	// A reader that closes early (| head -1) then shows as EPIPE. A server must outlive the reader of its log.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	streams := Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutIsTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrIsTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Getenv:        os.Getenv, Now: time.Now, Random: rand.Reader,
	}
	go func() { done <- Run(ctx, streams, os.Args[1:]) }()
	for stopping := false; ; stopping = true {
		select {
		case code := <-done:
			return code
		case s := <-signals:
			if stopping && s != syscall.SIGHUP { // a terminal that closes may send several
				return exitFailed
			}
			cancel()
		}
	}
}

// Run runs one command line and returns its exit code. The command stops gracefully when ctx ends.
func Run(ctx context.Context, s Streams, args []string) int {
	e := newEnv(s, bufio.NewWriter(s.Out))
	root := newRoot(e)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return e.report(cmd, cmp.Or(err, e.flush()))
}

// Streams are everything that a command uses of the process.
type Streams struct {
	In                           io.Reader
	Out, Err                     io.Writer
	OutIsTerminal, ErrIsTerminal bool
	Getenv                       func(name string) string
	Now                          func() time.Time
	Random                       io.Reader // cryptographically secure
}

// now returns the time in the precision of the store, so the output shows what is stored.
func (s Streams) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

// colors returns the colors of a stream: none unless it is a terminal that accepts them.
func (s Streams) colors(isTerminal bool) termenv.Profile {
	if !isTerminal || s.Getenv("NO_COLOR") != "" || s.Getenv("TERM") == "dumb" {
		return termenv.Ascii
	}
	return termenv.ANSI
}

// styles highlight text on a terminal only.
type styles struct {
	title, faint, good, bad lipgloss.Style
}

func newStyles(out io.Writer, profile termenv.Profile) styles {
	r := lipgloss.NewRenderer(out)
	r.SetColorProfile(profile)
	r.SetHasDarkBackground(true) // else lipgloss asks the terminal with an escape sequence
	return styles{
		title: r.NewStyle().Bold(true),
		faint: r.NewStyle().Faint(true),
		good:  r.NewStyle().Foreground(lipgloss.ANSIColor(2)),
		bad:   r.NewStyle().Foreground(lipgloss.ANSIColor(1)),
	}
}
