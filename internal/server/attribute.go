package server

import (
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// attribute links the signed-in user to the referrer whose code the ref_code cookie holds. Past the
// gates the answer is 200, whatever happens: a referral must never fail a login.
func (s *Server) attribute(x *exchange) error {
	id, err := s.admit(x)
	if err != nil {
		return err
	}
	o := s.decide(x, id.UserID)
	x.outcome = outcomeAttributed
	if !o.Attributed {
		x.outcome = string(o.Reason)
	}
	forget := s.forget.plain
	if s.secure(x) {
		forget = s.forget.secure
	}
	x.Response.Header.Set(fasthttp.HeaderSetCookie, forget)
	x.respond(fasthttp.StatusOK, contentJSON, outcomeBody(o))
	return nil
}

func (s *Server) decide(x *exchange, userID string) (o referral.Outcome) {
	defer func() {
		if v := recover(); v != nil {
			s.logPanic(x, v)
			o = referral.Outcome{Reason: referral.ReasonInternalError}
		}
	}()
	return s.referral.Submit(s.base, referral.Attempt{
		ID:        uuid.Must(uuid.NewV7()).String(), // fails only where the system has no randomness
		User:      userID,
		Code:      presentedCode(x.head.cookies(auth.RefCookie)),
		At:        s.now().UTC().Truncate(time.Microsecond),
		RequestID: x.id,
		Source:    referral.SourceLive,
	})
}

// presentedCode chooses among several ref_code cookies: the first well-formed one, else the first.
func presentedCode(cookies []string) referral.PresentedCode {
	for _, c := range cookies {
		if code := referral.ParsePresentedCode(c); code.WellFormed {
			return code
		}
	}
	if len(cookies) == 0 {
		return referral.PresentedCode{}
	}
	return referral.ParsePresentedCode(cookies[0])
}

var (
	bodyAttributed = []byte(`{"attributed":true}`)
	bodiesRefused  = func() map[referral.Reason][]byte {
		bodies := make(map[referral.Reason][]byte, len(referral.Reasons))
		for _, r := range referral.Reasons {
			bodies[r.Reason] = []byte(`{"attributed":false,"reason":"` + string(r.Reason) + `"}`)
		}
		return bodies
	}()
)

func outcomeBody(o referral.Outcome) []byte {
	if o.Attributed {
		return bodyAttributed
	}
	if body, ok := bodiesRefused[o.Reason]; ok {
		return body
	}
	return bodiesRefused[referral.ReasonInternalError] // not one of the words that are documented
}
