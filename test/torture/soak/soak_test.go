package soak

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

var (
	howLong = flag.Duration("for", 0, "`duration` of the soak")
	plot    = flag.String("plot", "", "`file` for a plot of the samples, in SVG")
	table   = flag.String("csv", "", "`file` for the samples, as CSV")
)

const (
	rate        = 300 // calls a second
	connections = 16
	operated    = 500  // users of the commands
	rejected    = 1500 // users with unknown codes: in an hour less than 50 times each
)

func TestNothingGrowsUnderSteadyLoad(t *testing.T) {
	duration := time.Duration(harness.Scale(60, 300)) * time.Second
	if *howLong > 0 {
		duration = *howLong
	}
	site := harness.NewSite(t, t.TempDir(), "metrics: {listen: '127.0.0.1:0'}")
	site.AddUsers(operated + rejected + int(duration.Seconds())*rate*15/100 + rate)
	srv := site.StartServer()
	w := &workload{site: site, srv: srv, ledger: harness.NewLedger(), rejected: site.Users[operated : operated+rejected], fresh: site.Users[operated+rejected:]}
	p := newSampler(site, srv, w)

	ctx, end := context.WithTimeout(t.Context(), duration)
	defer end()
	var all sync.WaitGroup
	commands, stalls := 0, new(stallDetector)
	all.Go(func() { w.load(ctx) })
	all.Go(func() { commands = w.commands(ctx) })
	all.Go(func() {
		if err := stalls.watch(ctx, site.Dir); err != nil {
			w.problem("stall detector: %v", err)
		}
	})
	samples := p.watch(ctx)
	all.Wait()
	srv.Stop()

	r := site.Check(w.ledger, true)
	if r.Failed() {
		t.Error(r.Summary())
	}
	for _, p := range append(w.problems, stalls.unexplained(w.spooled)...) {
		t.Error(p)
	}
	writeFiles(t, samples)
	for _, grown := range findGrowth(samples) {
		t.Error(grown)
	}
	figure := func(format string, what int) string {
		return fmt.Sprintf(format+"→"+format, typical(quarter(samples, 1), what), typical(quarter(samples, 3), what))
	}
	harness.Figures(t, "soak", "seconds", int(duration.Seconds()), "requests", w.sent, "answers", fmt.Sprint(w.ledger.Answers()), "commands", commands,
		"stalls", len(stalls.stalls), "worst_stall", stalls.worst.Round(time.Millisecond), "spooled", len(w.spooled),
		"acknowledged", r.Acknowledged, "lost", len(r.Lost), "duplicates", len(r.Duplicates),
		"memory_MiB", figure("%.0f", memory), "descriptors", figure("%.0f", descriptors), "goroutines", figure("%.0f", goroutines),
		"threads", figure("%.0f", threads), "wal_MiB_max", fmt.Sprintf("%.1f", most(samples, wal)),
		"spool_bytes_max", most(samples, spool), "p50_ms", figure("%.1f", p50), "p99_ms_in_a_good_second", figure("%.1f", p99))
}

// writeFiles writes the requested files.
func writeFiles(t *testing.T, samples []sample) {
	for name, content := range map[string]func([]sample) []byte{*plot: toSVG, *table: toCSV} {
		if name == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content(samples), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
