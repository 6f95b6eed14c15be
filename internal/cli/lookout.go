package cli

import (
	"context"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/triport/triport-console/internal/metrics"
	"github.com/triport/triport-console/internal/server"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// lookout is where a monitoring system looks in: the figures, and the listener they are served on. The
// other rooms know nothing of it. A nil lookout is one that is off, and costs nothing.
type lookout struct {
	ln      net.Listener
	metrics *metrics.Metrics
	page    *metrics.Page
	served  chan struct{} // closed when the page is served no more; nil before
}

// openLookout binds the address of metrics.listen. Without one, the lookout is nil.
func openLookout(ctx context.Context, address string) (*lookout, error) {
	if address == "" {
		return nil, nil
	}
	ln, err := listen(ctx, address, "metrics.listen")
	if err != nil {
		return nil, err
	}
	return &lookout{ln: ln, metrics: newMetrics()}, nil
}

func newMetrics() *metrics.Metrics {
	program, commit := buildOf(debug.ReadBuildInfo())
	all := server.Answers()
	answers := make([]metrics.Answer, len(all))
	for i, a := range all {
		answers[i] = metrics.Answer(a)
	}
	return metrics.New(metrics.Build{Version: program, Commit: commit, SQLite: sqlite.Version()}, answers)
}

// url is where the figures are; empty when nowhere.
func (l *lookout) url() string {
	if l == nil {
		return ""
	}
	return "http://" + l.ln.Addr().String() + metrics.Path
}

// answered is the server's hook.
func (l *lookout) answered() server.Observer {
	if l == nil {
		return nil
	}
	return func(a server.Answer, took time.Duration) { l.metrics.Answered(metrics.Answer(a), took) }
}

// committed is the store's hook.
func (l *lookout) committed() func(sqlite.Commit) {
	if l == nil {
		return nil
	}
	return func(c sqlite.Commit) { l.metrics.Committed(c.Attempts, c.Took, c.Err) }
}

// spooled is the spool's hook.
func (l *lookout) spooled() func(attempts int, err error) {
	if l == nil {
		return nil
	}
	return l.metrics.Spooled
}

// serve shows the figures of the house until close.
func (l *lookout) serve(h *house, log *slog.Logger) {
	if l == nil {
		return
	}
	l.metrics.Watch(metrics.Sources{
		Connections: h.server.Connections,
		Queued:      h.store.Queued,
		Ready:       func(ctx context.Context) bool { return len(h.notReady(ctx)) == 0 },
		Files:       h.files,
	})
	l.page, l.served = l.metrics.NewPage(), make(chan struct{})
	go func() {
		defer close(l.served)
		if err := l.page.Serve(l.ln); err != nil {
			log.Error("the metrics are served no more", "cause", err, "do", "restart the server to have them back")
		}
	}()
	log.Info("serving metrics", "address", l.ln.Addr())
}

// closeTime is how long a scrape that is being answered may take of a shutdown.
const closeTime = time.Second

// close ends the serving and gives the address back, also when it was never served. It may be called
// more than once.
func (l *lookout) close() {
	if l == nil {
		return
	}
	if l.served == nil {
		_ = l.ln.Close() // nobody has used it
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = l.page.Close(ctx) // a scrape that did not finish in time is lost: the next one tells the same
	<-l.served
}

// files looks at what stands on the disk.
func (h *house) files() (metrics.Files, error) {
	database, wal, err := h.store.Size()
	if err != nil {
		return metrics.Files{}, err
	}
	depth, err := h.depth()
	if err != nil {
		return metrics.Files{}, err
	}
	f := metrics.Files{
		Database: database, WAL: wal,
		Spool: depth.Bytes, SpoolBad: depth.BadBytes, SpoolSegments: depth.Segments,
	}
	if !depth.Oldest.IsZero() {
		f.SpoolAge = max(0, h.spool.now().Sub(depth.Oldest))
	}
	return f, nil
}
