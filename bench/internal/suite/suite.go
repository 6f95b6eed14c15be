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

// Full takes less than half an hour on two cores, and 8 GiB of disk.
var Full = Scale{
	Rounds: 5, People: 200_000, Growth: []int64{10_000, 1_000_000, 5_000_000}, Million: 1_000_000, Lines: 500_000,
	Starts: 5, Slice: 50_000, Warm: 300 * time.Millisecond, For: 1500 * time.Millisecond,
}

// Short checks that everything works. Its figures have no value.
var Short = Scale{
	Rounds: 2, People: 60_000, Million: 20_000, Starts: 3, Slice: 1000,
	Warm: 150 * time.Millisecond, For: 700 * time.Millisecond,
}

// Options select what to run and where.
type Options struct {
	Scale Scale
	Short bool
	Only  []string // workloads; empty: all
	Pin   bool     // pin server and generator to one core each, in every run
	Bench string   // directory of this module
	Root  string   // directory of the product's module
	Dir   string   // for the databases; on the disk to measure
	Log   io.Writer
}

// Result is the table with the conditions of the measurement.
type Result struct {
	Table report.Table
	Sizes map[string]int64 // of the programs, in bytes
	// Version is that of the product, Load the load average before the run.
	Version, Libraries, Load string
	Fsync                    time.Duration // of one page
}

// Run runs the suite round by round. Each round has one run of every line, so a temporary disturbance of the
// machine affects all lines. Every other round runs in reverse order.
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
	ws := &workspace{
		scale: opt.Scale, pin: opt.Pin, root: opt.Root, bench: opt.Bench, dir: dir, log: opt.Log, stored: make(map[string]counts),
	}
	if err := seed.Register(); err != nil {
		return Result{}, err
	}
	if err := ws.build(ctx); err != nil {
		return Result{}, err
	}
	for _, s := range chosen {
		for _, m := range s.needs {
			if err := ws.prepare(ctx, m); err != nil {
				return Result{}, err
			}
		}
	}
	for round := range opt.Scale.Rounds {
		if err := ws.round(ctx, round, chosen); err != nil {
			return Result{}, err
		}
	}
	return ws.result(ctx, chosen, before)
}

func (opt Options) choose() ([]spec, error) {
	for _, w := range opt.Only {
		if !slices.Contains(Workloads, w) {
			return nil, fmt.Errorf("unknown workload %q: choose from %s", w, strings.Join(Workloads, ", "))
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
		return nil, fmt.Errorf("the short suite has no workload %s", strings.Join(opt.Only, ", "))
	}
	return chosen, nil
}

func (ws *workspace) round(ctx context.Context, round int, chosen []spec) error {
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
		sample, err := s.runner.run(ctx, ws, round)
		if err != nil {
			return fmt.Errorf("round %d, %s: %w", round+1, s.series.Key, err)
		}
		ws.logf("round %d/%d  %-32s %12.1f %s", round+1, ws.scale.Rounds, s.series.Key, sample.Value, s.series.Unit)
		s.series.Samples[round] = sample
	}
	return nil
}

func (ws *workspace) result(ctx context.Context, chosen []spec, before string) (Result, error) {
	r := Result{Sizes: make(map[string]int64), Load: before}
	for _, s := range chosen {
		r.Table = append(r.Table, &s.series)
	}
	for _, name := range []string{"product", "bare", "pocketbase"} {
		info, err := os.Stat(ws.bin(name))
		if err != nil {
			return r, err
		}
		r.Sizes[name] = info.Size()
	}
	out, err := ws.command(ctx, -1, "product", "version").CombinedOutput()
	if err != nil {
		return r, withOutput(out, err)
	}
	r.Version = strings.Join(strings.Fields(string(out)), " ")
	if r.Libraries, err = ws.libraries(ctx); err != nil {
		return r, err
	}
	r.Fsync, err = fsyncTime(ws.path("fsync"))
	return r, err
}

// fsyncTime returns the median time of a hundred appends of a page, each with an fsync.
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
