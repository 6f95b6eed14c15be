package server

import (
	"strings"

	"github.com/triport/triport-console/internal/auth"
)

// secure tells whether cookies set in answer to this request get the Secure attribute.
func (s *Server) secure(x *exchange) bool {
	switch s.cfg.CookieSecure {
	case auth.SecureAlways:
		return true
	case auth.SecureNever:
		return false
	}
	return x.trusted && forwardedHTTPS(x.head)
}

// forwardedHTTPS tells whether the visitor came by HTTPS, which is what the first value of
// X-Forwarded-Proto says: proxies append.
func forwardedHTTPS(h head) bool {
	lines := h.values("x-forwarded-proto")
	if len(lines) == 0 {
		return false
	}
	first, _, _ := strings.Cut(lines[0], ",")
	return strings.EqualFold(strings.Trim(first, blanks), "https")
}
