// Command bench measures the product next to its peers and prints one table. See bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/triport/triport-console/bench/internal/report"
	"github.com/triport/triport-console/bench/internal/suite"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// flags are the flags of the command line.
type flags struct {
	short, pin bool
	only, out  string
	dir        string
	rounds     int
}

func parse(args []string, errOut io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(errOut)
	set.BoolVar(&f.short, "short", false, "run only the main workloads, in less than a minute: a check that they work, not a measurement")
	set.BoolVar(&f.pin, "pin", false, "pin the server to one core and the generator to another, in every run")
	set.StringVar(&f.only, "only", "", "run only these `workloads`, separated by commas: "+strings.Join(suite.Workloads, ", "))
	set.IntVar(&f.rounds, "rounds", 0, "number of `rounds`; 0: 5, or 2 with -short")
	set.StringVar(&f.dir, "dir", "", "create the databases, 8 GiB, in this `directory`; empty: $TMPDIR")
	set.StringVar(&f.out, "out", "", "write RESULTS.md and results.svg into this `directory`; empty: print only")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 || f.rounds < 0 {
		return f, errors.New("unexpected argument or negative -rounds: see -help")
	}
	return f, nil
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	f, err := parse(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	opt, err := f.options(ctx, errOut)
	if err != nil {
		return err
	}
	result, err := suite.Run(ctx, opt)
	if err != nil {
		return err
	}
	facts := report.Facts{
		When: time.Now(), Command: strings.Join(append([]string{"go run ./cmd/bench"}, args...), " "),
		Machine: result.Machine(opt.Dir), Notes: notes, Targets: !f.short,
	}
	if err := result.Table.Print(out, facts); err != nil || f.out == "" {
		return err
	}
	return errors.Join(
		write(filepath.Join(f.out, "RESULTS.md"), func(w io.Writer) error { return result.Table.WritePage(w, facts) }),
		write(filepath.Join(f.out, "results.svg"), func(w io.Writer) error { return result.Table.WriteChart(w, facts) }),
	)
}

func (f flags) options(ctx context.Context, log io.Writer) (suite.Options, error) {
	opt := suite.Options{Scale: suite.Full, Short: f.short, Pin: f.pin, Dir: f.dir, Log: log}
	if f.short {
		opt.Scale = suite.Short
	}
	if f.rounds > 0 {
		opt.Scale.Rounds = f.rounds
	}
	if f.only != "" {
		opt.Only = strings.Split(f.only, ",")
	}
	if opt.Dir == "" {
		opt.Dir = os.TempDir()
	}
	var err error
	if opt.Dir, err = filepath.Abs(opt.Dir); err != nil {
		return opt, err
	}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return opt, fmt.Errorf("find the module: %w", err)
	}
	opt.Bench = filepath.Dir(strings.TrimSpace(string(mod)))
	opt.Root = filepath.Dir(opt.Bench)
	if filepath.Base(opt.Bench) != "bench" {
		return opt, errors.New("run it in the directory bench of the repository")
	}
	for _, tool := range []string{"make", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return opt, fmt.Errorf("%s is missing: apt-get install make util-linux", tool)
		}
	}
	return opt, nil
}

func write(path string, render func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(render(file), file.Close())
}
