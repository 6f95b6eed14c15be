package server

import (
	"context"
	"errors"

	"github.com/triport/triport-console/internal/auth"
)

// authorizeWrite returns the id of the user who makes a state-changing request. It checks the session, CSRF, the
// origin and the user's limit, in this order. A request that changes nothing needs only authenticate.
func (s *Server) authorizeWrite(r *request) (userID string, err error) {
	id, err := s.authenticate(r)
	if err != nil {
		return "", err
	}
	err = id.CheckCSRF(r.Headers.Values("x-csrf-token"), r.Headers.Cookies(auth.CSRFCookie))
	switch {
	case errors.Is(err, auth.ErrCSRFMissing):
		return "", errCSRFMissing
	case err != nil || !s.isAllowedOrigin(r):
		return "", errCSRFInvalid
	}
	return id.UserID, limited(s.users, id.UserID, r)
}

func (s *Server) authenticate(r *request) (auth.Identity, error) {
	ctx, cancel := context.WithTimeout(s.Context(), s.cfg.StoreTimeout)
	defer cancel()
	id, err := auth.Authenticate(ctx, s.deps.Sessions, r.Headers.Cookies(auth.SessionCookie), s.deps.Now())
	if errors.Is(err, auth.ErrUnauthenticated) {
		return id, errUnauthenticated
	}
	if err != nil {
		if s.throttle.Allow(err.Error(), r.start) {
			s.deps.Log.Error("session could not be checked, answered 503", "request_id", r.ID, "error", err,
				"hint", "check the database and its disk; /readyz says what is wrong")
		}
		return id, errUnavailable
	}
	return id, nil
}

// isAllowedOrigin reports whether a page of the server's own origin or of a listed one sent the request. Clients that
// are not browsers send no Origin.
func (s *Server) isAllowedOrigin(r *request) bool {
	origins := r.Headers.Values("origin")
	if len(origins) != 1 {
		return len(origins) == 0
	}
	hosts := r.Headers.Values("host")
	return s.isListed(origins[0]) || len(hosts) == 1 && auth.IsOwnOrigin(origins[0], hosts[0])
}
