package server

import (
	"context"
	"strings"

	"github.com/valyala/fasthttp"
)

// handleHealthz says that the process serves.
func (s *Server) handleHealthz(r *request) error {
	r.respond(fasthttp.StatusOK, contentJSON, `{"status":"ok"}`)
	return nil
}

// handleReadyz reports what is not ready, or that the process should get requests.
func (s *Server) handleReadyz(r *request) error {
	ctx, cancel := context.WithTimeout(s.Context(), s.cfg.StoreTimeout)
	defer cancel()
	missing := s.deps.NotReady(ctx)
	if s.Stopping() {
		missing = append(missing, "stopping")
	}
	if len(missing) > 0 {
		notReady := *errUnavailable
		notReady.message = strings.Join(missing, "; ")
		return &notReady
	}
	return s.handleHealthz(r)
}
