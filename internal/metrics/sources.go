package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/triport/triport-console/internal/bounded"
)

// Sources are read at every scrape. A scrape waits for Ready and Files, which may hang on a disk, up to sourceTimeout.
type Sources struct {
	Connections func() int                     // open connections of clients
	Queued      func() int                     // attempts that wait for a transaction
	Ready       func(ctx context.Context) bool // as /readyz
	Files       func() (Files, error)
}

// Files are sizes in bytes, and the spool's contents.
type Files struct {
	Database, WAL, Spool, SpoolDeadLetters int64
	SpoolSegments                          int
	SpoolAge                               time.Duration // of the oldest attempt
}

// sourceTimeout is well below the 10 s after which Prometheus gives up on all metrics.
const sourceTimeout = 2 * time.Second

// Watch adds the metrics of the sources. Call it once.
func (m *Metrics) Watch(s Sources) {
	gauge := func(name, help string, value func() float64) {
		promauto.With(m.prefixed).NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	gauge("connections", "Open connections of clients.", func() float64 { return float64(s.Connections()) })
	gauge("store_queue_attempts", "Attempts that wait for a transaction.", func() float64 { return float64(s.Queued()) })
	var ready bounded.Call[bool]
	gauge("ready", "1 if the store and the spool are ready, as /readyz reports them, else 0.", func() float64 {
		ok, err := ready.Do(sourceTimeout, func() (bool, error) { return s.Ready(context.Background()), nil })
		return oneIf[ok && err == nil]
	})
	m.prefixed.MustRegister(&fileCollector{read: s.Files})
}

// oneIf is 1 for true, else 0.
var oneIf = map[bool]float64{true: 1}

// fileCollector collects the metrics of all files or, if one cannot be read, none.
type fileCollector struct {
	read func() (Files, error)
	call bounded.Call[Files]
}

// Describe describes nothing: not every scrape has all metrics.
func (*fileCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *fileCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value)
	}
	files, err := c.call.Do(sourceTimeout, c.read)
	gauge("files_readable", "1 if the files of the store and the spool could be read, else 0: "+
		"then their metrics are missing.", oneIf[err == nil])
	if err != nil {
		return
	}
	gauge("database_bytes", "Size of the database file.", float64(files.Database))
	gauge("database_wal_bytes", "Size of the database's write-ahead log.", float64(files.WAL))
	gauge("spool_bytes", "Size of what waits in the spool.", float64(files.Spool))
	gauge("spool_segments", "Files of the spool that are being drained.", float64(files.SpoolSegments))
	gauge("spool_oldest_age_seconds", "Age of the oldest attempt, 0 if none waits.", files.SpoolAge.Seconds())
	gauge("spool_bad_bytes", "Size of the spool's dead-letter file.", float64(files.SpoolDeadLetters))
}
