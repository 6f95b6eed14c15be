package server

import (
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// fault is a refusal as the client sees it.
type fault struct {
	status  int
	tag     string // what clients branch on
	message string // what happened and what to do, for people
	retry   bool   // it passes: say when to try again
}

func (f *fault) Error() string { return f.tag + ": " + f.message }

// The vocabulary of refusals.
var (
	errBadRequest = &fault{status: 400, tag: "bad_request",
		message: "The request is not well-formed HTTP, or could be read in more than one way."}
	errUnauthenticated = &fault{status: 401, tag: "unauthenticated",
		message: "There is no valid session. Sign in and try again."}
	errCSRFMissing = &fault{status: 403, tag: "csrf_missing",
		message: "The X-CSRF-Token header is missing. Send the value of the nl_csrf cookie in it."}
	errCSRFInvalid = &fault{status: 403, tag: "csrf_invalid",
		message: "The request does not prove that it comes from this session's own page. Reload the page and try again."}
	errNotFound = &fault{status: 404, tag: "not_found",
		message: "There is nothing at this address. Paths are exact, also in case and at the end."}
	errMethodNotAllowed = &fault{status: 405, tag: "method_not_allowed",
		message: "This address does not take that method. The Allow header names those it takes."}
	errTimeout = &fault{status: 408, tag: "request_timeout",
		message: "The request did not arrive in time. Send it again."}
	errPayloadTooLarge = &fault{status: 413, tag: "payload_too_large",
		message: "The body is larger than 64 KiB. Send {} instead."}
	errHeadersTooLarge = &fault{status: 431, tag: "headers_too_large",
		message: "The request line and the headers are larger than 16 KiB together. Delete the cookies of this site and try again."}
	errInternal = &fault{status: 500, tag: "internal",
		message: "Something went wrong here. Try again, and quote the request_id if it stays."}
	errUnavailable = &fault{status: 503, tag: "unavailable", retry: true,
		message: "The session cannot be checked at the moment. Try again in a second."}
)

// faultOf translates what a handler or the router returned. What is unknown is internal.
func faultOf(err error) *fault {
	var f *fault
	var routed *fiber.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &routed) && routed.Code == fiber.StatusNotFound:
		return errNotFound
	case errors.As(err, &routed) && routed.Code == fiber.StatusMethodNotAllowed:
		return errMethodNotAllowed
	}
	return errInternal
}

// reportIt is all that an operator can do about a fault of the program's own.
const reportIt = "report this line: it is a fault of the program"

// refuseRouted answers what the handlers and the router return.
func (s *Server) refuseRouted(c *fiber.Ctx, err error) error {
	x := exchangeOf(c.Context())
	f := faultOf(err)
	if f == errMethodNotAllowed && hasEscapedSlash(x.path) {
		f = errNotFound // there is no such path, whatever the method
		x.Response.Header.Del(fiber.HeaderAllow)
	}
	if f == errInternal {
		s.log.Error("a request failed", "request_id", x.id, "cause", err, "do", reportIt)
	}
	x.refuse(f)
	return nil
}

// refuseUnread answers requests that fasthttp could not read. It closes the connection afterwards.
// The error's text is neither logged nor shown: it may quote the request, cookies included.
func (s *Server) refuseUnread(ctx *fasthttp.RequestCtx, err error) {
	x := s.begin(ctx)
	defer s.end(x)
	c, _ := ctx.Conn().(*conn)
	switch {
	case errors.As(err, new(*fasthttp.ErrSmallBuffer)):
		x.refuse(errHeadersTooLarge)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		x.refuse(errPayloadTooLarge)
	case c != nil && c.timedOut:
		x.refuse(errTimeout)
		return // nobody is sending
	default:
		x.refuse(errBadRequest)
	}
	lingerOn(ctx)
}

// refuse writes the envelope, over whatever a handler may have begun to write.
func (x *exchange) refuse(f *fault) {
	body, err := json.Marshal(struct {
		Error     string `json:"error"`
		Message   string `json:"message"`
		RequestID string `json:"request_id"`
	}{f.tag, f.message, x.id})
	if err != nil {
		panic(err) // three strings
	}
	x.outcome = f.tag
	h := &x.Response.Header
	h.DelAllCookies()
	if f.retry {
		h.Set(fasthttp.HeaderRetryAfter, "1")
	}
	x.Response.SkipBody = x.IsHead()
	x.respond(f.status, contentJSON, body)
}
