package server

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/referral"
)

// Routes is the table of all routes. Any other path is answered 404.
var Routes = []Route{
	{Path: "/v1/auth/attribute", Methods: []string{"POST"}, CORS: true, Answers: attributeAnswers,
		handle: (*Server).handleAttribute},
	{Path: "/", Methods: []string{"GET", "HEAD"}, Answers: landingAnswers, handle: (*Server).handleLanding},
	{Path: "/r/:code", Methods: []string{"GET", "HEAD"}, Answers: shortLinkAnswers, handle: (*Server).handleShortLink},
	{Path: "/healthz", Methods: []string{"GET", "HEAD"}, Answers: healthzAnswers, handle: (*Server).handleHealthz},
	{Path: "/readyz", Methods: []string{"GET", "HEAD"}, Answers: readyzAnswers, handle: (*Server).handleReadyz},
}

// Route is a row of Routes.
type Route struct {
	Path    string   // as Fiber writes it
	Methods []string // any other method is answered 405, with these in Allow
	CORS    bool     // preflights are answered: pages of the listed origins may call it
	Answers []Answer // without Route; 204 for a preflight and 500 need not be listed
	handle  func(*Server, *request) error
}

// Answer is a kind of answer, in fixed words: it contains nothing of the request.
type Answer struct {
	Route   string // the path of a Route, or OtherRoute
	Status  int
	Outcome string // attributed, a reason, pickup, preflight, the tag of an error, or else OutcomeOK
}

// The words of an Answer from no other table.
const (
	OtherRoute        = "other" // the request reached no route
	OutcomeOK         = "ok"
	outcomeAttributed = "attributed"
	outcomePickup     = "pickup"
	outcomePreflight  = "preflight"
)

var (
	attributeAnswers = append(reasonAnswers(), Answer{"", 200, outcomeAttributed}, errUnauthenticated.answer(),
		errCSRFMissing.answer(), errCSRFInvalid.answer(), errRateLimited.answer(), errUnavailable.answer())
	landingAnswers   = append([]Answer{{"", 200, OutcomeOK}, {"", 200, outcomePickup}}, redirectAnswers...)
	shortLinkAnswers = append([]Answer{errNotFound.answer()}, redirectAnswers...)
	redirectAnswers  = []Answer{{"", 302, OutcomeOK}, {"", 302, outcomePickup}}
	healthzAnswers   = []Answer{{"", 200, OutcomeOK}}
	readyzAnswers    = []Answer{{"", 200, OutcomeOK}, errUnavailable.answer()}
	// otherAnswers are those to requests that reach no route.
	otherAnswers = []Answer{errBadRequest.answer(), errNotFound.answer(), errMethodNotAllowed.answer(),
		errTimeout.answer(), errPayloadTooLarge.answer(), errHeadersTooLarge.answer()}
)

func reasonAnswers() (all []Answer) {
	for _, r := range referral.Reasons {
		all = append(all, Answer{"", 200, string(r.Reason)})
	}
	return all
}

// Observer is called with every answer and the time since the request was read. It must be fast and safe for
// concurrent use: a client waits.
type Observer func(a Answer, took time.Duration)

// Answers returns every Answer that an Observer can get, so counters can start at zero.
func Answers() (all []Answer) {
	for _, route := range slices.Concat(Routes, []Route{{Path: OtherRoute, Answers: otherAnswers}}) {
		for _, a := range append(slices.Clone(route.Answers), errInternal.answer()) {
			all = append(all, Answer{route.Path, a.Status, a.Outcome})
		}
		if route.CORS {
			all = append(all, Answer{route.Path, 204, outcomePreflight})
		}
	}
	return all
}

// dispatch answers the requests for the path of the route.
func (s *Server) dispatch(route Route) fiber.Handler {
	allow := strings.Join(route.Methods, ", ")
	return func(c *fiber.Ctx) error {
		r := requestOf(c.Context())
		allowed := slices.Contains(route.Methods, r.method)
		preflight := route.CORS && isPreflight(r)
		if allowed || preflight {
			r.route = route.Path
		}
		switch {
		case bytes.Contains(r.Path, []byte("%2f")), bytes.Contains(r.Path, []byte("%2F")): // decoded, another path
			return errNotFound
		case allowed:
			if err := s.limitAddress(r); err != nil {
				return err
			}
			return route.handle(s, r)
		case preflight:
			answerPreflight(r, allow)
			return nil
		}
		r.Response.Header.Set(fasthttp.HeaderAllow, allow)
		return errMethodNotAllowed
	}
}
