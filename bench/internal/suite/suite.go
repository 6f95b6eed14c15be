package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/triport/triport-console/bench/internal/report"
	"github.com/triport/triport-console/bench/internal/seed"
)

// Full takes about half an hour on two cores, and 8 GiB of disk.
var Full = Scale{
	Rounds: 5, People: 200_000, Growth: []int64{10_000, 1_000_000, 5_000_000}, Million: 1_000_000, Lines: 1_000_000,
	Starts: 5, Slice: 100_000, Warm: 300 * time.Millisecond, For: 1500 * time.Millisecond,
}

// Short is for a pull request: it shows that everything still works, and its figures say little.
var Short = Scale{
	Rounds: 2, People: 60_000, Million: 20_000, Starts: 3, Slice: 1000,
	Warm: 150 * time.Millisecond, For: 700 * time.Millisecond,
}

// Options say what to run, and where.
type Options struct {
	Scale Scale
	Short bool
	Only  []string // workloads; empty: all
	Pin   bool     // the server and the generator on a core each, in every run
	Bench string   // the directory of this module
	Root  string   // the directory of the product's module
	Dir   string   // where databases are made; it must be on the disk that is meant
	Log   io.Writer
}

// Result is the table, with the sizes of the programs in bytes.
type Result struct {
	Table report.Table
	Sizes map[string]int64
	// Version is what the product says of itself, Libraries what it and its peers are made of, Fsync
	// how long the disk takes for one, and Load how busy the machine was before.
	Version, Libraries, Load string
	Fsync                    time.Duration
}

// Run runs the suite, round by round: each round has one run of every line, so that what disturbs
// the machine for a while disturbs all alike. Every other round goes backwards.
func Run(ctx context.Context, opt Options) (_ Result, err error) {
	before := loadAverage()
	chosen, err := opt.choose()
	if err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp(opt.Dir, "triport-bench-")
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l := &lab{
		scale: opt.Scale, pin: opt.Pin, root: opt.Root, bench: opt.Bench, dir: dir, log: opt.Log, stored: make(map[string]counts),
	}
	if err := seed.Register(); err != nil {
		return Result{}, err
	}
	if err := l.build(ctx); err != nil {
		return Result{}, err
	}
	for _, s := range chosen {
		for _, m := range s.needs {
			if err := l.prepare(ctx, m); err != nil {
				return Result{}, err
			}
		}
	}
	for round := range opt.Scale.Rounds {
		if err := l.round(ctx, round, chosen); err != nil {
			return Result{}, err
		}
	}
	return l.result(ctx, chosen, before)
}

func (opt Options) choose() ([]spec, error) {
	for _, w := range opt.Only {
		if !slices.Contains(Workloads, w) {
			return nil, fmt.Errorf("there is no workload %q: choose of %s", w, strings.Join(Workloads, ", "))
		}
	}
	var chosen []spec
	for _, s := range opt.Scale.specs() {
		if (s.short || !opt.Short) && (len(opt.Only) == 0 || slices.Contains(opt.Only, s.workload)) {
			s.series.Samples = make(map[int]report.Sample)
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("the short suite has none of %s", strings.Join(opt.Only, ", "))
	}
	return chosen, nil
}

func (l *lab) round(ctx context.Context, round int, chosen []spec) error {
	order := slices.Clone(chosen)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	for _, s := range order {
		if s.maxRounds > 0 && round >= s.maxRounds {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		sample, err := s.runner.run(ctx, l, round)
		if err != nil {
			return fmt.Errorf("round %d, %s: %w", round+1, s.series.Key, err)
		}
		l.logf("round %d/%d  %-32s %12.1f %s", round+1, l.scale.Rounds, s.series.Key, sample.Value, s.series.Unit)
		s.series.Samples[round] = sample
	}
	return nil
}

func (l *lab) result(ctx context.Context, chosen []spec, before string) (Result, error) {
	r := Result{Sizes: make(map[string]int64), Load: before}
	for _, s := range chosen {
		r.Table = append(r.Table, &s.series)
	}
	for _, name := range []string{"product", "bare", "pocketbase"} {
		info, err := os.Stat(l.bin(name))
		if err != nil {
			return r, err
		}
		r.Sizes[name] = info.Size()
	}
	out, err := l.command(ctx, -1, "product", "version").CombinedOutput()
	if err != nil {
		return r, told(out, err)
	}
	r.Version = strings.Join(strings.Fields(string(out)), " ")
	if r.Libraries, err = l.libraries(ctx); err != nil {
		return r, err
	}
	r.Fsync, err = fsyncTime(l.path("fsync"))
	return r, err
}

// fsyncTime is the median of a hundred appends of a page, each with an fsync.
func fsyncTime(path string) (time.Duration, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	times := make([]time.Duration, 100)
	page := make([]byte, 4096)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		if err := f.Sync(); err != nil {
			return 0, errors.Join(err, f.Close())
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], f.Close()
}
