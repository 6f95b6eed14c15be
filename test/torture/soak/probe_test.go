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
	at     time.Duration // since the beginning
	values [columns]float64
}

// probe takes samples.
type probe struct {
	site    *harness.Site
	srv     *harness.Server
	work    *work
	metrics string // URL
}

var metricsAddress = regexp.MustCompile(`serving metrics.* address=(\S+)`)

func newProbe(s *harness.Site, srv *harness.Server, w *work) *probe {
	var said []string
	harness.Until(s.T, "the log says where the metrics are", func() bool {
		said = metricsAddress.FindStringSubmatch(srv.Log())
		return said != nil
	})
	return &probe{site: s, srv: srv, work: w, metrics: "http://" + said[1] + "/metrics"}
}

// watch takes a sample a second until ctx ends.
func (p *probe) watch(ctx context.Context) []sample {
	var all []sample
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
		s, err := p.take()
		if err != nil {
			p.work.fault("a sample: %v", err)
			return all
		}
		s.at = time.Since(began)
		all = append(all, s)
	}
}

func (p *probe) take() (s sample, err error) {
	v, err := p.srv.Vitals()
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
	waiting, err := filepath.Glob(p.site.Database + ".spool*")
	if err != nil {
		return s, err
	}
	for _, name := range waiting {
		if info, err := os.Stat(name); err == nil { // a drained one has gone
			s.values[spool] += float64(info.Size())
		}
	}
	if took := p.work.look(); len(took) > 0 {
		slices.Sort(took)
		s.values[p50], s.values[p99] = milliseconds(took[len(took)/2]), milliseconds(took[len(took)*99/100])
	}
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

var goroutinesLine = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

func (p *probe) goroutines() (float64, error) {
	c := http.Client{Timeout: harness.Patience}
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

// rows is the samples as CSV.
func rows(samples []sample) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(append([]string{"seconds"}, names[:]...)) // a buffer takes all
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
