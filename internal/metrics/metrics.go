// Package metrics is what a monitoring system sees of the program: counters that the other rooms feed
// through narrow hooks, figures that are asked for at every scrape, and the page that shows them. It
// knows no other room; the words of its labels are handed in, so that they are few and fixed.
package metrics

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

const namespace = "triport"

// Build says what runs.
type Build struct{ Version, Commit, SQLite string }

// Answer is a kind of answer to a request, in words that are few and fixed.
type Answer struct {
	Route   string
	Status  int
	Outcome string
}

// other stands for whatever was not announced to New.
const other = "other"

// Metrics are the figures of one server. Its methods that count may be called by any goroutine; they
// take well under a microsecond, and allocate nothing.
type Metrics struct {
	registry *prometheus.Registry

	answers    map[Answer]answered
	unforeseen answered

	batch       prometheus.Observer
	commit      prometheus.Observer
	storeErrors prometheus.Counter
	spooled     prometheus.Counter
	spoolErrors prometheus.Counter
}

// answered are the figures of one kind of answer.
type answered struct {
	total    prometheus.Counter
	duration prometheus.Observer
}

// New returns the figures, all of them at zero. Answers are the kinds of answers there may be: any other
// is counted as other, so that nothing a client sends can make a new time series.
func New(b Build, answers []Answer) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(b),
	)
	m.countAnswers(answers)
	m.countStore()
	return m
}

func buildInfo(b Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "What runs: always 1, the labels tell.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": runtime.Version(), "sqlite": b.SQLite},
	})
	g.Set(1)
	return g
}

func (m *Metrics) countAnswers(answers []Answer) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "requests_total",
		Help: "Requests, by what became of them: attributed, the reason why not, the tag of the error, or ok.",
	}, []string{"route", "status", "outcome"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: "request_duration_seconds",
		Help:    "Time from a request's having been read until its answer is ready.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"route"})
	m.registry.MustRegister(total, duration)

	m.answers = make(map[Answer]answered, len(answers))
	for _, a := range answers {
		m.answers[a] = answered{
			total.WithLabelValues(a.Route, strconv.Itoa(a.Status), a.Outcome), duration.WithLabelValues(a.Route),
		}
	}
	m.unforeseen = answered{total.WithLabelValues(other, other, other), duration.WithLabelValues(other)}
}

func (m *Metrics) countStore() {
	batch := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "store_batch_attempts",
		Help: "Attempts that shared a transaction.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
	})
	commit := prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "store_commit_duration_seconds",
		Help:    "Time from asking for the write lock until the attempts of a transaction were durable.",
		Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 30},
	})
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	m.registry.MustRegister(batch, commit)
	m.batch, m.commit = batch, commit
	m.storeErrors = counter("store_errors_total", "Transactions of attempts that failed.")
	m.spooled = counter("spool_attempts_total", "Attempts that were put into the spool, because the store did not take them.")
	m.spoolErrors = counter("spool_errors_total", "Attempts that the spool did not take either: they stand in the log.")
}

// Answered counts a request and how long it took.
func (m *Metrics) Answered(a Answer, took time.Duration) {
	counted, ok := m.answers[a]
	if !ok {
		counted = m.unforeseen
	}
	counted.total.Inc()
	counted.duration.Observe(took.Seconds())
}

// Committed counts a transaction of attempts, which failed when err is not nil.
func (m *Metrics) Committed(attempts int, took time.Duration, err error) {
	if err != nil {
		m.storeErrors.Inc()
		return
	}
	m.batch.Observe(float64(attempts))
	m.commit.Observe(took.Seconds())
}

// Spooled counts attempts that went to the spool, which did not take them when err is not nil.
func (m *Metrics) Spooled(attempts int, err error) {
	if err != nil {
		m.spoolErrors.Add(float64(attempts))
		return
	}
	m.spooled.Add(float64(attempts))
}
