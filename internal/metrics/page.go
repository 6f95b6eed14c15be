package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Path is where the page is.
const Path = "/metrics"

// What a client of the page may take.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	idleTimeout  = 2 * time.Minute // longer than systems pause between two scrapes
	maxHead      = 8 << 10
	maxScrapes   = 4
	// maxConnections leaves the rest of the descriptors that are kept for them to the database and the spool.
	maxConnections = 16
)

// Handler answers GET and HEAD of Path with the figures in Prometheus's text format, and nothing else.
func (m *Metrics) Handler() http.Handler {
	figures := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		DisableCompression: true, MaxRequestsInFlight: maxScrapes, CoalesceGather: true,
	})
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, figures)
	return mux
}

// Page is the server of the figures, on a listener of its own. It closes a connection at once that is one
// too many.
type Page struct {
	http *http.Server
	open atomic.Int64 // connections
}

// NewPage returns a server of the figures.
func (m *Metrics) NewPage() *Page {
	p := &Page{}
	p.http = &http.Server{
		Handler:     m.Handler(),
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHead,
		ConnState: p.count,
		ErrorLog:  log.New(io.Discard, "", 0), // its lines are about clients that went away
	}
	return p
}

func (p *Page) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if p.open.Add(1) > maxConnections {
			_ = c.Close() // whoever opened it reads that
		}
	case http.StateClosed:
		p.open.Add(-1)
	}
}

// Serve answers on ln, which it closes, until Close; then it returns nil.
func (p *Page) Serve(ln net.Listener) error {
	if err := p.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", Path, err)
	}
	return nil
}

// Close ends the server: scrapes that are being answered may finish until ctx ends.
func (p *Page) Close(ctx context.Context) error {
	if err := p.http.Shutdown(ctx); err != nil {
		return errors.Join(err, p.http.Close())
	}
	return nil
}
