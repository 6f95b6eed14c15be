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

// Path is the path of the metrics page.
const Path = "/metrics"

// maxConnections leaves the other spare descriptors to the database and the spool.
const maxConnections = 16

// Handler serves the metrics in Prometheus's text format, to GET and HEAD of Path only.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		DisableCompression: true, MaxRequestsInFlight: 4, CoalesceGather: true,
	}))
	return mux
}

// Server serves the metrics on its own listener. It closes connections beyond maxConnections at once.
type Server struct{ http *http.Server }

// NewServer returns a metrics server.
func (m *Metrics) NewServer() *Server {
	var open atomic.Int64
	return &Server{&http.Server{
		Handler:     m.Handler(),
		ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 8 << 10,
		IdleTimeout: 2 * time.Minute,            // longer than the interval between two scrapes
		ErrorLog:    log.New(io.Discard, "", 0), // its lines are about clients that disconnected
		ConnState: func(c net.Conn, state http.ConnState) {
			switch {
			case state == http.StateNew && open.Add(1) > maxConnections:
				_ = c.Close()
			case state == http.StateClosed:
				open.Add(-1)
			}
		},
	}}
}

// Serve serves on ln, which it closes, until Close; then it returns nil.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", Path, err)
	}
	return nil
}

// Close stops the server. Scrapes may finish until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	return errors.Join(s.http.Shutdown(ctx), s.http.Close())
}
