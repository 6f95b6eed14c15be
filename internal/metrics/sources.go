package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/triport/triport-console/internal/bounded"
)

// Sources are read at every scrape. A scrape waits for Ready and Files, which may hang on a disk, up to sourceTimeout.
type Sources struct {
	Connections func() int                     // open connections of clients
	Queued      func() int                     // attempts that wait for a transaction
	Ready       func(ctx context.Context) bool // as /readyz
	Files       func() (Files, error)
}

// Files are sizes in bytes, and what waits in the spool.
type Files struct {
	Database, WAL, Spool, SpoolDeadLetters int64
	SpoolSegments                          int
	SpoolAge                               time.Duration // of the oldest attempt
}

// sourceTimeout is well below the 10 s after which Prometheus gives up: if the disk hangs, the other metrics are needed
// most.
const sourceTimeout = 2 * time.Second

// Watch adds the metrics of the sources. Call it once.
func (m *Metrics) Watch(s Sources) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value)
	}
	var ready bounded.Call[bool]
	m.registry.MustRegister(
		gauge("connections", "Open connections of clients.", func() float64 { return float64(s.Connections()) }),
		gauge("store_queue_attempts", "Attempts that wait for a transaction.", func() float64 { return float64(s.Queued()) }),
		gauge("ready", "1 if the store and the spool are ready, as /readyz reports them, else 0.", func() float64 {
			ok, err := ready.Do(sourceTimeout, func() (bool, error) { return s.Ready(context.Background()), nil })
			return oneIf(ok && err == nil)
		}),
		&fileCollector{read: s.Files},
	)
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

type fileMetric struct {
	desc  *prometheus.Desc
	value func(Files) float64
}

var (
	filesReadable = prometheus.NewDesc(namespace+"_files_readable",
		"1 if the files of the store and the spool could be read, else 0: then their metrics are missing.", nil, nil)
	fileMetrics = []fileMetric{
		newFileMetric("database_bytes", "Size of the database file.", func(f Files) float64 { return float64(f.Database) }),
		newFileMetric("database_wal_bytes", "Size of the database's write-ahead log.", func(f Files) float64 { return float64(f.WAL) }),
		newFileMetric("spool_bytes", "Size of what waits in the spool.", func(f Files) float64 { return float64(f.Spool) }),
		newFileMetric("spool_segments", "Files of the spool that are being drained.", func(f Files) float64 { return float64(f.SpoolSegments) }),
		newFileMetric("spool_oldest_age_seconds", "Age of the oldest attempt, 0 if none waits.", func(f Files) float64 { return f.SpoolAge.Seconds() }),
		newFileMetric("spool_bad_bytes", "Size of the spool's dead-letter file.", func(f Files) float64 { return float64(f.SpoolDeadLetters) }),
	}
)

func newFileMetric(name, help string, value func(Files) float64) fileMetric {
	return fileMetric{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), value}
}

// fileCollector collects the metrics of all files or, if one cannot be read, none.
type fileCollector struct {
	read func() (Files, error)
	call bounded.Call[Files]
}

// Describe implements prometheus.Collector.
func (*fileCollector) Describe(to chan<- *prometheus.Desc) {
	to <- filesReadable
	for _, m := range fileMetrics {
		to <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (c *fileCollector) Collect(to chan<- prometheus.Metric) {
	files, err := c.call.Do(sourceTimeout, c.read)
	to <- prometheus.MustNewConstMetric(filesReadable, prometheus.GaugeValue, oneIf(err == nil))
	if err != nil {
		return
	}
	for _, m := range fileMetrics {
		to <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, m.value(files))
	}
}
