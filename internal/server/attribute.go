package server

import (
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// handleAttribute links the signed-in user to the referrer whose code is in the ref_code cookie. An authorized call
// always gets 200: a referral must never fail a login.
func (s *Server) handleAttribute(r *request) error {
	userID, err := s.authorizeWrite(r)
	if err != nil {
		return err
	}
	body := `{"attributed":true}`
	r.outcome = outcomeAttributed
	if o := s.submit(r, userID); !o.Attributed {
		r.outcome = string(o.Reason)
		body = `{"attributed":false,"reason":"` + r.outcome + `"}`
	}
	r.Response.Header.Set(fasthttp.HeaderSetCookie, s.deleteRefCode[s.secure(r)])
	r.respond(fasthttp.StatusOK, contentJSON, body)
	return nil
}

func (s *Server) submit(r *request, userID string) (o referral.Outcome) {
	defer func() {
		if v := recover(); v != nil {
			s.logPanic(r, v)
			o = referral.Outcome{Reason: referral.ReasonInternalError}
		}
	}()
	return s.deps.Referrals.Submit(s.Context(), referral.Attempt{
		ID:        uuid.Must(uuid.NewV7()).String(), // fails only if the system has no randomness
		User:      userID,
		Code:      firstCode(r.Headers.Cookies(auth.RefCookie)),
		At:        s.deps.Now().UTC().Truncate(time.Microsecond),
		RequestID: r.ID,
		Source:    referral.SourceLive,
	})
}

// firstCode returns the first well-formed code of the presented values, or else the first value.
func firstCode(presented []string) (first referral.PresentedCode) {
	for i, value := range presented {
		code := referral.ParsePresentedCode(value)
		if code.WellFormed {
			return code
		}
		if i == 0 {
			first = code
		}
	}
	return first
}
