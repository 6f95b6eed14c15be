// Package metrics counts what the program does and serves it to Prometheus. It imports no domain package.
package metrics

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const namespace = "triport"

// Build identifies the running program.
type Build struct{ Version, Commit, SQLite string }

// Answer is a kind of response. New must know all.
type Answer struct {
	Route   string
	Status  int
	Outcome string
}

// other is the label of unknown answers.
const other = "other"

// Metrics are those of one server. Counting is safe for concurrent use, takes less than 1 µs and allocates nothing.
type Metrics struct {
	registry                          *prometheus.Registry
	prefixed                          prometheus.Registerer // registers under names in the namespace
	answers                           map[Answer]answerMetrics
	other                             answerMetrics
	batch, commit                     prometheus.Observer
	storeErrors, spooled, spoolErrors prometheus.Counter
}

type answerMetrics struct {
	total    prometheus.Counter
	duration prometheus.Observer
}

// New returns metrics that are all zero. Answers that are not in the list count as other: clients must not be able to
// create time series.
func New(b Build, answers []Answer) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.prefixed = prometheus.WrapRegistererWithPrefix(namespace+"_", m.registry)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(m.prefixed).NewGauge(prometheus.GaugeOpts{
		Name: "build_info", Help: "Always 1. The labels identify the running program.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": runtime.Version(), "sqlite": b.SQLite},
	}).Set(1)
	m.addAnswers(answers)
	m.addStore()
	return m
}

func (m *Metrics) addAnswers(answers []Answer) {
	total := promauto.With(m.prefixed).NewCounterVec(prometheus.CounterOpts{
		Name: "requests_total", Help: "Requests by outcome: attributed, the reason why not, the error tag, or ok.",
	}, []string{"route", "status", "outcome"})
	duration := promauto.With(m.prefixed).NewHistogramVec(prometheus.HistogramOpts{
		Name: "request_duration_seconds", Help: "Time from the end of reading a request until its response is ready.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"route"})
	m.answers = make(map[Answer]answerMetrics, len(answers))
	for _, a := range answers {
		labeled := total.WithLabelValues(a.Route, strconv.Itoa(a.Status), a.Outcome)
		m.answers[a] = answerMetrics{labeled, duration.WithLabelValues(a.Route)}
	}
	m.other = answerMetrics{total.WithLabelValues(other, other, other), duration.WithLabelValues(other)}
}

func (m *Metrics) addStore() {
	counter := func(name, help string) prometheus.Counter {
		return promauto.With(m.prefixed).NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m.batch = promauto.With(m.prefixed).NewHistogram(prometheus.HistogramOpts{
		Name: "store_batch_attempts", Help: "Attempts per transaction.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
	})
	m.commit = promauto.With(m.prefixed).NewHistogram(prometheus.HistogramOpts{
		Name:    "store_commit_duration_seconds",
		Help:    "Time from the request for the write lock until the attempts of a transaction are durable.",
		Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 30},
	})
	m.storeErrors = counter("store_errors_total", "Failed transactions of attempts.")
	m.spooled = counter("spool_attempts_total", "Attempts written to the spool because the store failed.")
	m.spoolErrors = counter("spool_errors_total", "Attempts that the spool failed to write: they are in the log.")
}

// Answered counts a response and its duration.
func (m *Metrics) Answered(a Answer, took time.Duration) {
	counted, ok := m.answers[a]
	if !ok {
		counted = m.other
	}
	counted.total.Inc()
	counted.duration.Observe(took.Seconds())
}

// Committed counts a transaction of attempts. It failed if err is not nil.
func (m *Metrics) Committed(attempts int, took time.Duration, err error) {
	if err != nil {
		m.storeErrors.Inc()
		return
	}
	m.batch.Observe(float64(attempts))
	m.commit.Observe(took.Seconds())
}

// Spooled counts an attempt written to the spool. Writing failed if err is not nil.
func (m *Metrics) Spooled(err error) {
	if err != nil {
		m.spoolErrors.Inc()
		return
	}
	m.spooled.Inc()
}
