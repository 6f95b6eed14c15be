package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked at every scrape. Those that may have to wait for a disk are waited for no longer
// than answerTime.
type Sources struct {
	Connections func() int                     // of clients, open
	Queued      func() int                     // attempts that wait for a transaction
	Ready       func(ctx context.Context) bool // whether store and spool are as /readyz wants them
	Files       func() (Files, error)
}

// Files are the sizes of what stands on the disk, in bytes, and what waits in it.
type Files struct {
	Database, WAL, Spool, SpoolBad int64
	SpoolSegments                  int
	SpoolAge                       time.Duration // of the attempt that has waited longest
}

// answerTime is how long a scrape waits for a disk. It is well below the ten seconds after which
// Prometheus gives up: when the disk hangs, all other figures are wanted most.
const answerTime = 2 * time.Second

// Watch adds the figures of the sources. Call it once.
func (m *Metrics) Watch(s Sources) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value)
	}
	ready := newQuestion(func() (bool, error) { return s.Ready(context.Background()), nil })
	m.registry.MustRegister(
		gauge("connections", "Connections of clients that are open.", func() float64 { return float64(s.Connections()) }),
		gauge("store_queue_attempts", "Attempts that wait for a transaction.", func() float64 { return float64(s.Queued()) }),
		gauge("ready", "1 while the store and the spool are as /readyz wants them.", func() float64 {
			is, err := ready.ask(answerTime)
			return one(is && err == nil)
		}),
		&fileFigures{question: newQuestion(s.Files)},
	)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// fileFigure is one figure of Files.
type fileFigure struct {
	desc  *prometheus.Desc
	value func(Files) float64
}

var (
	filesReadable = prometheus.NewDesc(namespace+"_files_readable",
		"1 when the files of the store and the spool could be looked at; when they could not, their figures are missing.", nil, nil)
	fileTable = []fileFigure{
		figure("database_bytes", "Size of the database file.", func(f Files) float64 { return float64(f.Database) }),
		figure("database_wal_bytes", "Size of the database's write-ahead log.", func(f Files) float64 { return float64(f.WAL) }),
		figure("spool_bytes", "Size of what waits in the spool.", func(f Files) float64 { return float64(f.Spool) }),
		figure("spool_segments", "Files of the spool that are being drained.", func(f Files) float64 { return float64(f.SpoolSegments) }),
		figure("spool_oldest_age_seconds", "Age of the attempt at the head of the spool; 0 when nothing waits.",
			func(f Files) float64 { return f.SpoolAge.Seconds() }),
		figure("spool_bad_bytes", "Size of the broken lines of the spool, which wait for a person.",
			func(f Files) float64 { return float64(f.SpoolBad) }),
	}
)

func figure(name, help string, value func(Files) float64) fileFigure {
	return fileFigure{prometheus.NewDesc(namespace+"_"+name, help, nil, nil), value}
}

// fileFigures shows all figures of one look at the files, or none of them.
type fileFigures struct{ question *question[Files] }

// Describe is of prometheus.Collector.
func (*fileFigures) Describe(to chan<- *prometheus.Desc) {
	to <- filesReadable
	for _, f := range fileTable {
		to <- f.desc
	}
}

// Collect is of prometheus.Collector.
func (c *fileFigures) Collect(to chan<- prometheus.Metric) {
	files, err := c.question.ask(answerTime)
	to <- prometheus.MustNewConstMetric(filesReadable, prometheus.GaugeValue, one(err == nil))
	if err != nil {
		return
	}
	for _, f := range fileTable {
		to <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, f.value(files))
	}
}
