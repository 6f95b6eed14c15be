package server

import (
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/referral"
)

// Answer is a kind of answer to a request. Its words are few and fixed: nothing of the request is in
// them. Answers lists them all.
type Answer struct {
	Route   string // as the table of routes has it; OtherRoute when the request reached none
	Status  int
	Outcome string // attributed, a reason, pickup, preflight, or the tag of an error; else OutcomeOK
}

// What an Answer says where the log says nothing.
const (
	OtherRoute = "other"
	OutcomeOK  = "ok"
)

const (
	outcomeAttributed = "attributed"
	outcomePickup     = "pickup"
	outcomePreflight  = "preflight"
)

// Observer is told of every request when its answer is ready, and how long that took since the request
// was read. It is called by many goroutines, with a client waiting behind each.
type Observer func(a Answer, took time.Duration)

// Answers returns every Answer an Observer can be told of, so that figures may begin at zero.
func Answers() []Answer {
	all := []Answer{
		{"/", fasthttp.StatusOK, OutcomeOK}, {"/", fasthttp.StatusOK, outcomePickup},
		{attributePath, fasthttp.StatusOK, outcomeAttributed},
		{attributePath, fasthttp.StatusNoContent, outcomePreflight},
		{healthzPath, fasthttp.StatusOK, OutcomeOK},
		{readyzPath, fasthttp.StatusOK, OutcomeOK}, refused(readyzPath, errUnavailable),
		refused(shortLinkPath, errNotFound),
	}
	for _, r := range referral.Reasons {
		all = append(all, Answer{attributePath, fasthttp.StatusOK, string(r.Reason)})
	}
	for _, route := range []string{"/", shortLinkPath} {
		all = append(all, Answer{route, fasthttp.StatusFound, OutcomeOK}, Answer{route, fasthttp.StatusFound, outcomePickup})
	}
	for _, f := range []*fault{errUnauthenticated, errCSRFMissing, errCSRFInvalid, errUnavailable} {
		all = append(all, refused(attributePath, f))
	}
	for _, f := range []*fault{errBadRequest, errNotFound, errMethodNotAllowed, errTimeout, errPayloadTooLarge, errHeadersTooLarge} {
		all = append(all, refused(OtherRoute, f))
	}
	for _, route := range []string{"/", shortLinkPath, attributePath, healthzPath, readyzPath, OtherRoute} {
		all = append(all, refused(route, errInternal))
	}
	return slices.Clip(all)
}

func refused(route string, f *fault) Answer { return Answer{route, f.status, f.tag} }

// tell tells the observer of the answer.
func (s *Server) tell(x *exchange) {
	if s.observe == nil {
		return
	}
	a := Answer{x.route, x.Response.StatusCode(), x.outcome}
	if a.Route == "" {
		a.Route = OtherRoute
	}
	if a.Outcome == "" {
		a.Outcome = OutcomeOK
	}
	s.observe(a, time.Since(x.began))
}

// Connections returns how many connections of clients are open.
func (s *Server) Connections() int {
	s.conns.mu.Lock()
	defer s.conns.mu.Unlock()
	return len(s.conns.open)
}
