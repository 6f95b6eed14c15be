package auth

import (
	"strconv"
	"time"
)

// The cookies of this program.
const (
	SessionCookie = "nl_session"
	CSRFCookie    = "nl_csrf"
	RefCookie     = "ref_code"
)

// SecureMode selects when cookies get the Secure attribute.
type SecureMode string

// The secure modes.
const (
	SecureAuto   SecureMode = "auto" // as the visitor's scheme, which only a trusted proxy knows
	SecureAlways SecureMode = "always"
	SecureNever  SecureMode = "never"
)

// Cookie is a cookie with Path=/ and SameSite=Lax. Name and Value are written unchanged: they must need no quoting.
type Cookie struct {
	Name, Value string
	Domain      string        // empty: this host only
	MaxAge      time.Duration // whole seconds; 0 or less deletes the cookie
	HTTPOnly    bool
	Secure      bool
}

// String returns the value of a Set-Cookie header.
func (c Cookie) String() string {
	s := c.Name + "=" + c.Value + "; Path=/"
	if c.Domain != "" {
		s += "; Domain=" + c.Domain
	}
	s += "; Max-Age=" + strconv.FormatInt(max(0, int64(c.MaxAge/time.Second)), 10)
	if c.MaxAge <= 0 {
		s += "; Expires=Thu, 01 Jan 1970 00:00:00 GMT" // for clients older than RFC 6265
	}
	if c.HTTPOnly {
		s += "; HttpOnly"
	}
	if c.Secure {
		s += "; Secure"
	}
	return s + "; SameSite=Lax"
}
