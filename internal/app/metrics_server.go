package app

import (
	"cmp"
	"context"
	"net"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/metrics"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// scrapeGrace limits how long a scrape delays the shutdown.
const scrapeGrace = 500 * time.Millisecond

// metricsServer counts events and serves the metrics. Its zero value is off.
type metricsServer struct {
	url     string
	ln      net.Listener // nil: off
	metrics *metrics.Metrics
	http    *metrics.Server
	serving sync.WaitGroup
	// Other packages call these. They are nil, and cost nothing, if the metrics are off.
	answered  server.Observer
	committed func(sqlite.Commit)
	spooled   func(err error)
}

// listenMetrics takes the passed socket, or else binds the address of metrics.listen, if there is one.
func listenMetrics(ctx context.Context, opt Options, passed net.Listener) (*metricsServer, error) {
	if opt.Config.Metrics.Listen == "" && passed == nil {
		return &metricsServer{}, nil
	}
	ln, err := socketOr(ctx, passed, opt.Config.Metrics.Listen, "metrics.listen")
	if err != nil {
		return nil, err
	}
	var answers []metrics.Answer
	for _, a := range server.Answers() {
		answers = append(answers, metrics.Answer(a))
	}
	m := metrics.New(metrics.Build{Version: opt.Version, Commit: opt.Commit, SQLite: sqlite.Version()}, answers)
	return &metricsServer{
		url: "http://" + ln.Addr().String() + metrics.Path, ln: ln, metrics: m, http: m.NewServer(),
		answered:  func(a server.Answer, took time.Duration) { m.Answered(metrics.Answer(a), took) },
		committed: func(c sqlite.Commit) { m.Committed(c.Functions, c.Took, c.Err) },
		spooled:   m.Spooled,
	}, nil
}

// serve serves the metrics of the app until close.
func (m *metricsServer) serve(a *app) {
	if m.ln == nil {
		return
	}
	m.metrics.Watch(metrics.Sources{
		Connections: a.server.Connections,
		Queued:      a.store.Queued,
		Ready:       func(ctx context.Context) bool { return len(a.notReady(ctx)) == 0 },
		Files:       a.sizes,
	})
	m.serving.Go(func() {
		if err := m.http.Serve(m.ln); err != nil {
			a.Log.Error("metrics server stopped", "error", err, "hint", "restart the server")
		}
	})
	a.Log.Info("serving metrics", "address", m.ln.Addr())
}

// close may be called more than once, and before serve.
func (m *metricsServer) close() {
	if m.ln == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeGrace)
	defer cancel()
	_ = m.http.Close(ctx) // the next scrape returns what an unfinished one would have
	_ = m.ln.Close()      // the server closes it, unless it never served
	m.serving.Wait()
}

func (a *app) sizes() (metrics.Files, error) {
	database, wal, err := a.store.Size()
	stats, statsErr := a.spool.Stats()
	f := metrics.Files{
		Database: database, WAL: wal,
		Spool: stats.Bytes, SpoolDeadLetters: stats.DeadLetterBytes, SpoolSegments: stats.Segments,
	}
	if !stats.Oldest.IsZero() {
		f.SpoolAge = max(0, a.Now().Sub(stats.Oldest))
	}
	return f, cmp.Or(err, statsErr)
}
