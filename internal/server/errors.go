package server

import (
	"encoding/json"
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// apiError is an error as the client sees it.
type apiError struct {
	status  int
	tag     string // clients branch on it
	message string // what happened and what to do, for people
	retry   int    // Retry-After in seconds; 0: none
}

// Error returns the tag and the message.
func (e *apiError) Error() string { return e.tag + ": " + e.message }

func (e *apiError) answer() Answer { return Answer{Status: e.status, Outcome: e.tag} }

// All errors of the API.
var (
	errBadRequest = &apiError{400, "bad_request",
		"The request is not well-formed HTTP, or could be read in more than one way.", 0}
	errUnauthenticated = &apiError{401, "unauthenticated", "There is no valid session. Sign in and try again.", 0}
	errCSRFMissing     = &apiError{403, "csrf_missing",
		"The X-CSRF-Token header is missing. Send the value of the nl_csrf cookie in it.", 0}
	errCSRFInvalid = &apiError{403, "csrf_invalid",
		"The request does not prove that it comes from this session's own page. Reload the page and try again.", 0}
	errNotFound = &apiError{404, "not_found",
		"There is nothing at this address. Paths are exact, also in case and at the end.", 0}
	errMethodNotAllowed = &apiError{405, "method_not_allowed",
		"This address does not take that method. The Allow header names those it takes.", 0}
	errTimeout         = &apiError{408, "request_timeout", "The request did not arrive in time. Send it again.", 0}
	errPayloadTooLarge = &apiError{413, "payload_too_large", "The body is larger than 64 KiB. Send {} instead.", 0}
	errHeadersTooLarge = &apiError{431, "headers_too_large",
		"The request line and the headers are larger than 16 KiB together. Delete the cookies of this site and try again.", 0}
	errRateLimited = &apiError{429, "rate_limited", "There were too many calls. Try again after Retry-After seconds.", 1}
	errInternal    = &apiError{500, "internal",
		"Something went wrong here. Try again, and quote the request_id if it stays.", 0}
	errUnavailable = &apiError{503, "unavailable", "The server cannot answer this at the moment. Try again in a second.", 1}
)

// rejections are the errors of rejected requests, by status.
var rejections = map[int]*apiError{
	400: errBadRequest, 408: errTimeout, 413: errPayloadTooLarge, 431: errHeadersTooLarge,
}

// bugHint is for errors of this program only.
const bugHint = "report this line: it is a bug in this program"

// renderError answers a handler's error. If it is no apiError, it is logged and not shown.
func (s *Server) renderError(c *fiber.Ctx, err error) error {
	r := requestOf(c.Context())
	var known *apiError
	if !errors.As(err, &known) {
		s.deps.Log.Error("request failed", "request_id", r.ID, "error", err, "hint", bugHint)
		known = errInternal
	}
	r.reject(known)
	return nil
}

// reject writes the error over whatever a handler wrote before.
func (r *request) reject(e *apiError) {
	body, err := json.Marshal(map[string]string{"error": e.tag, "message": e.message, "request_id": r.ID})
	if err != nil {
		panic(err) // impossible: strings
	}
	r.outcome = e.tag
	h := &r.Response.Header
	h.DelAllCookies()
	if e.retry > 0 {
		h.Set(fasthttp.HeaderRetryAfter, strconv.Itoa(e.retry))
	}
	r.Response.SkipBody = r.IsHead()
	r.respond(e.status, contentJSON, string(body))
}
