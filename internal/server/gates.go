package server

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/auth"
)

// admit lets a state-changing request of a signed-in user pass. The gates stand in the
// documented order: session, CSRF, origin; the first that fails answers.
func (s *Server) admit(x *exchange) (auth.Identity, error) {
	id, err := s.authenticate(x)
	if err != nil {
		return auth.Identity{}, err
	}
	if err := id.CheckCSRF(x.head.values("x-csrf-token"), x.head.cookies(auth.CSRFCookie)); err != nil {
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
	id, err := auth.Authenticate(ctx, s.sessions, x.head.cookies(auth.SessionCookie), s.now())
	if errors.Is(err, auth.ErrUnauthenticated) {
		return auth.Identity{}, errUnauthenticated
	}
	if err != nil {
		// The other refusals of the minute are in the lines of their requests, at debug.
		if s.unasked.fresh(err.Error()) {
			s.log.Error("the store cannot tell whether a session is valid: the request was answered with 503",
				"request_id", x.id, "cause", err, "do", "look at the database and its disk; /readyz says what is wrong with them")
		}
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
	if s.isListed(origins[0]) {
		return true
	}
	hosts := x.head.values("host")
	return len(hosts) == 1 && auth.IsOwnOrigin(origins[0], hosts[0])
}

// causes remembers what the log was told of within the last minute.
type causes struct {
	mu   sync.Mutex
	told map[string]time.Time
}

// fresh tells whether the log has not been told of the cause for a minute.
func (c *causes) fresh(cause string) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.told, func(_ string, at time.Time) bool { return now.Sub(at) > tellAgain })
	if _, ok := c.told[cause]; ok {
		return false
	}
	if c.told == nil {
		c.told = make(map[string]time.Time)
	}
	c.told[cause] = now
	return true
}
