package auth

import (
	"crypto/subtle"
	"errors"
)

var (
	// ErrCSRFMissing says that no X-CSRF-Token header came, or an empty one.
	ErrCSRFMissing = errors.New("no X-CSRF-Token header")
	// ErrCSRFInvalid says that the header does not prove the request to be the session's own.
	ErrCSRFInvalid = errors.New("the CSRF token is not this session's")
)

// CheckCSRF holds the values of the X-CSRF-Token headers and of the nl_csrf cookies against each
// other and against the session. Equal header and cookie are not enough: a sibling subdomain can
// toss a cookie of its own choosing, but it cannot know what this session's token hashes to.
// The error is ErrCSRFMissing or ErrCSRFInvalid.
func (id Identity) CheckCSRF(headers, cookies []string) error {
	if len(headers) == 0 || (len(headers) == 1 && headers[0] == "") {
		return ErrCSRFMissing
	}
	if len(headers) > 1 || len(cookies) == 0 {
		return ErrCSRFInvalid
	}
	token := []byte(headers[0])
	for _, cookie := range cookies {
		if subtle.ConstantTimeCompare(token, []byte(cookie)) != 1 {
			return ErrCSRFInvalid
		}
	}
	sum := HashToken(headers[0])
	owned := 0
	for _, s := range id.sessions {
		owned |= subtle.ConstantTimeCompare(sum[:], s.CSRF[:])
	}
	if owned != 1 {
		return ErrCSRFInvalid
	}
	return nil
}
