package server

import (
	"context"
	"strings"

	"github.com/valyala/fasthttp"
)

var bodyOK = []byte(`{"status":"ok"}`)

// healthz says that the process serves.
func (s *Server) healthz(x *exchange) error {
	x.respond(fasthttp.StatusOK, contentJSON, bodyOK)
	return nil
}

// readyz says whether the process should be sent requests, and if not, what is not ready.
func (s *Server) readyz(x *exchange) error {
	ctx, cancel := context.WithTimeout(s.base, s.cfg.StoreTimeout)
	defer cancel()
	missing := s.notReady(ctx)
	if s.stopping.Load() {
		missing = append(missing, "stopping")
	}
	if len(missing) > 0 {
		return &fault{
			status: fasthttp.StatusServiceUnavailable, tag: errUnavailable.tag, retry: true,
			message: strings.Join(missing, "; "),
		}
	}
	x.respond(fasthttp.StatusOK, contentJSON, bodyOK)
	return nil
}
