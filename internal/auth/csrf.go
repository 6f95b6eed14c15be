package auth

import (
	"crypto/subtle"
	"errors"
)

var (
	// ErrCSRFMissing reports that the X-CSRF-Token header is missing or empty.
	ErrCSRFMissing = errors.New("no X-CSRF-Token header")
	// ErrCSRFInvalid reports that the header does not prove that the session's page sent the request.
	ErrCSRFInvalid = errors.New("the CSRF token is not this session's")
)

// CheckCSRF compares the X-CSRF-Token headers with the nl_csrf cookies and with the sessions. An equal cookie is not
// enough: a sibling subdomain can set one. The error is ErrCSRFMissing or ErrCSRFInvalid.
func (id Identity) CheckCSRF(headers, cookies []string) error {
	switch {
	case len(headers) == 0, len(headers) == 1 && headers[0] == "":
		return ErrCSRFMissing
	case len(headers) > 1, len(cookies) == 0:
		return ErrCSRFInvalid
	}
	token, sum := []byte(headers[0]), HashToken(headers[0])
	equal, owned := 1, 0
	for _, cookie := range cookies {
		equal &= subtle.ConstantTimeCompare(token, []byte(cookie))
	}
	for _, s := range id.sessions {
		owned |= subtle.ConstantTimeCompare(sum[:], s.CSRF[:])
	}
	if equal&owned != 1 {
		return ErrCSRFInvalid
	}
	return nil
}
