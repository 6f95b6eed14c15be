package soak

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// The columns of a sample.
const (
	memory = iota // MiB
	descriptors
	goroutines
	threads
	wal   // MiB
	spool // bytes
	p50   // milliseconds
	p99
	columns
)

var names = [columns]string{"memory_mib", "descriptors", "goroutines", "threads", "wal_mib", "spool_bytes", "p50_ms", "p99_ms"}

// sample is one second of the soak.
type sample struct {
	at     time.Duration // since the start
	values [columns]float64
}

// sampler takes samples.
type sampler struct {
	site     *harness.Site
	srv      *harness.Server
	workload *workload
	metrics  string // URL
}

var metricsAddress = regexp.MustCompile(`serving metrics.* address=(\S+)`)

func newSampler(s *harness.Site, srv *harness.Server, w *workload) *sampler {
	var match []string
	harness.WaitFor(s.T, "the log has the address of the metrics", func() bool {
		match = metricsAddress.FindStringSubmatch(srv.Log())
		return match != nil
	})
	return &sampler{site: s, srv: srv, workload: w, metrics: "http://" + match[1] + "/metrics"}
}

// watch takes a sample a second until ctx ends.
func (p *sampler) watch(ctx context.Context) []sample {
	var all []sample
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	started := time.Now()
	for {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		s, err := p.take()
		if err != nil {
			p.workload.problem("sample: %v", err)
			return all
		}
		s.at = time.Since(started)
		all = append(all, s)
	}
}

func (p *sampler) take() (s sample, err error) {
	v, err := p.srv.Usage()
	if err != nil {
		return s, err
	}
	s.values[memory] = float64(v.RSS) / (1 << 20)
	s.values[descriptors], s.values[threads] = float64(v.Descriptors), float64(v.Threads)
	if s.values[goroutines], err = p.goroutines(); err != nil {
		return s, err
	}
	if info, err := os.Stat(p.site.Database + "-wal"); err == nil {
		s.values[wal] = float64(info.Size()) / (1 << 20)
	}
	files, err := filepath.Glob(p.site.Database + ".spool*")
	if err != nil {
		return s, err
	}
	for _, name := range files {
		if info, err := os.Stat(name); err == nil { // a drained segment is removed meanwhile
			s.values[spool] += float64(info.Size())
		}
	}
	if took := p.workload.takeLatencies(); len(took) > 0 {
		slices.Sort(took)
		s.values[p50], s.values[p99] = milliseconds(took[len(took)/2]), milliseconds(took[len(took)*99/100])
	}
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

var goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

func (p *sampler) goroutines() (float64, error) {
	c := http.Client{Timeout: harness.Timeout}
	res, err := c.Get(p.metrics)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	m := goroutinesLine.FindSubmatch(page)
	if m == nil {
		return 0, fmt.Errorf("no go_goroutines among the metrics (status %d)", res.StatusCode)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// toCSV returns the samples as CSV.
func toCSV(samples []sample) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(append([]string{"seconds"}, names[:]...)) // a buffer returns no error
	for _, s := range samples {
		row := []string{strconv.FormatFloat(s.at.Seconds(), 'f', 1, 64)}
		for _, v := range s.values {
			row = append(row, strconv.FormatFloat(v, 'f', 2, 64))
		}
		_ = w.Write(row)
	}
	w.Flush()
	return out.Bytes()
}
