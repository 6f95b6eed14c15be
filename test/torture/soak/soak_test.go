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
	howLong = flag.Duration("for", 0, "soak for that `duration` instead of the form's")
	plot    = flag.String("plot", "", "`file` for a plot of the samples, in SVG")
	table   = flag.String("csv", "", "`file` for the samples, as CSV")
)

const (
	rate        = 300 // calls a second
	connections = 16
	operated    = 500  // people whom the commands are about
	refused     = 1500 // people who name codes that do not exist: for an hour of it, less than 50 times each
)

// TestNothingGrowsWhileTheServerWorks is the soak.
func TestNothingGrowsWhileTheServerWorks(t *testing.T) {
	span := time.Duration(harness.Scale(60, 300)) * time.Second
	if *howLong > 0 {
		span = *howLong
	}
	site := harness.NewSite(t, t.TempDir(), "metrics: {listen: '127.0.0.1:0'}")
	site.Populate(operated + refused + int(span.Seconds())*rate*15/100 + rate)
	srv := site.Serve()
	w := &work{site: site, srv: srv, ledger: harness.NewLedger(), refused: site.People[operated : operated+refused], fresh: site.People[operated+refused:]}
	p := newProbe(site, srv, w)

	ctx, end := context.WithTimeout(t.Context(), span)
	defer end()
	var all sync.WaitGroup
	commands, host := 0, new(machine)
	all.Go(func() { w.load(ctx) })
	all.Go(func() { commands = w.commands(ctx) })
	all.Go(func() {
		if err := host.watch(ctx, site.Dir); err != nil {
			w.fault("the watch over the machine: %v", err)
		}
	})
	samples := p.watch(ctx)
	all.Wait()
	srv.Stop()

	verdict := site.Check(w.ledger, true)
	if verdict.Bad() {
		t.Errorf("the store: %+v", verdict)
	}
	for _, f := range append(w.faults, host.judge(w.waited)...) {
		t.Error(f)
	}
	publish(t, samples)
	for _, grown := range judge(samples) {
		t.Error(grown)
	}
	figure := func(format string, what int) string {
		return fmt.Sprintf(format+"→"+format, typical(quarter(samples, 1), what), typical(quarter(samples, 3), what))
	}
	harness.Figures(t, "soak", "seconds", int(span.Seconds()), "calls", w.sent, "answers", fmt.Sprint(w.ledger.Answers()), "commands", commands,
		"stalls_of_the_machine", len(host.stalls), "worst_stall", host.worst.Round(time.Millisecond), "waited", len(w.waited),
		"acknowledged", verdict.Acknowledged, "lost", len(verdict.Lost), "doubled", len(verdict.Doubled),
		"memory_MiB", figure("%.0f", memory), "descriptors", figure("%.0f", descriptors), "goroutines", figure("%.0f", goroutines),
		"threads", figure("%.0f", threads), "wal_MiB_most", fmt.Sprintf("%.1f", most(samples, wal)),
		"spool_bytes_most", most(samples, spool), "p50_ms", figure("%.1f", p50), "p99_ms_of_a_good_second", figure("%.1f", p99))
}

// publish writes the files that were asked for.
func publish(t *testing.T, samples []sample) {
	for name, content := range map[string]func([]sample) []byte{*plot: drawing, *table: rows} {
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
