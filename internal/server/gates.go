package server

import (
	"context"
	"errors"

	"github.com/triport/triport-console/internal/auth"
)

// admit lets a state-changing request of a signed-in user pass. The gates stand in the
// documented order: session, CSRF, origin; the first that fails answers.
func (s *Server) admit(x *exchange) (auth.Identity, error) {
	id, err := s.authenticate(x)
	if err != nil {
		return auth.Identity{}, err
	}
	if err := id.CheckCSRF(x.head.values("x-csrf-token"), x.head.cookies(CSRFCookie)); err != nil {
		if errors.Is(err, auth.ErrCSRFMissing) {
			return auth.Identity{}, errCSRFMissing
		}
		return auth.Identity{}, errCSRFInvalid
	}
	if !s.sameSite(x) {
		return auth.Identity{}, errCSRFInvalid
	}
	return id, nil
}

func (s *Server) authenticate(x *exchange) (auth.Identity, error) {
	ctx, cancel := context.WithTimeout(s.base, s.cfg.StoreTimeout)
	defer cancel()
	id, err := auth.Authenticate(ctx, s.sessions, x.head.cookies(SessionCookie), s.now())
	if errors.Is(err, auth.ErrUnauthenticated) {
		return auth.Identity{}, errUnauthenticated
	}
	if err != nil {
		s.log.Error("the store cannot tell whether a session is valid: the request was answered with 503",
			"request_id", x.id, "cause", err)
		return auth.Identity{}, errUnavailable
	}
	return id, nil
}

// sameSite tells whether the request comes from a page that may make it. Clients that are no
// browsers send no Origin.
func (s *Server) sameSite(x *exchange) bool {
	origins := x.head.values("origin")
	if len(origins) != 1 {
		return len(origins) == 0
	}
	if s.listed(origins[0]) {
		return true
	}
	hosts := x.head.values("host")
	return len(hosts) == 1 && ownOrigin(origins[0], hosts[0])
}
