// Package report turns the runs of a benchmark into a table, a page and a chart.
package report

import (
	"fmt"
	"math"
	"time"

	"github.com/triport/triport-console/bench/internal/stats"
)

// Unit is the unit of a sample's value.
type Unit string

// The units. For PerSecond higher is better, for the others lower. A kilobyte is 1000 bytes.
const (
	PerSecond    Unit = "/s"
	Milliseconds Unit = "ms"
	Kilobytes    Unit = "kB"
	Bytes        Unit = "bytes"
)

// Sample is one run.
type Sample struct {
	Value    float64 // in the unit of its series
	P50, P99 time.Duration
	RSS      int64   // peak resident memory of the measured process, in bytes; 0: not measured
	Share    float64 // generator's share of the CPU time that it and the server used; 0: no generator
	Failed   int64   // requests with an answer other than 200
}

// Series is one line of the table: one run per round.
type Series struct {
	Key      string // workload/connections/server
	What     string
	Server   string
	Conns    int
	Unit     Unit
	Baseline []string // keys of the series to compare with
	Samples  map[int]Sample
}

func (s *Series) column(get func(Sample) float64) map[int]float64 {
	values := make(map[int]float64, len(s.Samples))
	for round, sample := range s.Samples {
		values[round] = get(sample)
	}
	return values
}

func (s *Series) values(get func(Sample) float64) []float64 {
	values := make([]float64, 0, len(s.Samples))
	for _, sample := range s.Samples {
		values = append(values, get(sample))
	}
	return values
}

func value(s Sample) float64 { return s.Value }
func p50(s Sample) float64   { return s.P50.Seconds() }
func p99(s Sample) float64   { return s.P99.Seconds() }
func rss(s Sample) float64   { return float64(s.RSS) }
func share(s Sample) float64 { return s.Share }

// Table is all series in the order of the table.
type Table []*Series

func (t Table) find(key string) *Series {
	for _, s := range t {
		if s.Key == key {
			return s
		}
	}
	return nil
}

// ratio returns the median over the rounds of one series divided by another. ok is false if no round has
// both.
func (t Table) ratio(key, baseline string, get func(Sample) float64) (ratio float64, ok bool) {
	s, b := t.find(key), t.find(baseline)
	if s == nil || b == nil {
		return 0, false
	}
	ratio = stats.Median(stats.Ratios(s.column(get), b.column(get)))
	return ratio, !math.IsNaN(ratio)
}

// columns are the column headers of the table.
var columns = []string{"workload", "server", "conns", "median", "spread", "ratio per round to", "p50", "p99", "peak RSS", "generator CPU", "runs"}

func (t Table) cells(s *Series) []string {
	conns := ""
	if s.Conns > 0 {
		conns = fmt.Sprint(s.Conns)
	}
	ratios := ""
	for _, key := range s.Baseline {
		if r, ok := t.ratio(s.Key, key, value); ok {
			if ratios != "" {
				ratios += ", "
			}
			ratios += fmt.Sprintf("%s × %s", figure(r), t.find(key).name(s))
		}
	}
	failed := int64(0)
	for _, sample := range s.Samples {
		failed += sample.Failed
	}
	runs := fmt.Sprint(len(s.Samples))
	if failed > 0 {
		runs += fmt.Sprintf(", %d requests failed", failed)
	}
	median := stats.Median(s.values(value))
	return []string{
		s.What, s.Server, conns, grouped(median) + " " + string(s.Unit), percent(stats.Spread(s.values(value))), ratios,
		latency(stats.Median(s.values(p50))), latency(stats.Median(s.values(p99))),
		mebibytes(stats.Median(s.values(rss))), percentOrEmpty(stats.Median(s.values(share))), runs,
	}
}

// name returns what distinguishes a baseline from another series: its server, or its workload if the server
// is the same.
func (s *Series) name(other *Series) string {
	if s.Server == other.Server {
		return s.What
	}
	return s.Server
}

// figure formats a number with three significant digits.
func figure(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// grouped formats a number with thousands separators, and below a hundred with its fraction.
func grouped(f float64) string {
	if math.IsNaN(f) {
		return "-"
	}
	if f < 100 {
		return figure(f)
	}
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func percent(f float64) string {
	if math.IsNaN(f) {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*f)
}

func percentOrEmpty(f float64) string {
	if f == 0 {
		return ""
	}
	return percent(f)
}

func latency(seconds float64) string {
	if seconds == 0 || math.IsNaN(seconds) {
		return ""
	}
	return figure(seconds*1000) + " ms"
}

func mebibytes(bytes float64) string {
	if bytes == 0 || math.IsNaN(bytes) {
		return ""
	}
	return figure(bytes/(1<<20)) + " MiB"
}
