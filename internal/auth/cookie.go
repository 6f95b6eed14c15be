package auth

import (
	"strconv"
	"strings"
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

// SecureAuto follows the scheme that the visitor used, which only a trusted proxy can report: the
// server itself speaks plain HTTP.
const (
	SecureAuto   SecureMode = "auto"
	SecureAlways SecureMode = "always"
	SecureNever  SecureMode = "never"
)

// Cookie is a cookie as this product sets them: Path=/ and SameSite=Lax always. Name and Value must
// need no quoting; nothing is cleaned, so that no value can turn into another one.
type Cookie struct {
	Name, Value string
	Domain      string        // empty: this host only
	MaxAge      time.Duration // whole seconds; 0 or less deletes the cookie
	HTTPOnly    bool
	Secure      bool
}

// String returns the value of a Set-Cookie header.
func (c Cookie) String() string {
	var b strings.Builder
	b.WriteString(c.Name)
	b.WriteByte('=')
	b.WriteString(c.Value)
	b.WriteString("; Path=/")
	if c.Domain != "" {
		b.WriteString("; Domain=")
		b.WriteString(c.Domain)
	}
	b.WriteString("; Max-Age=")
	b.WriteString(strconv.FormatInt(max(0, int64(c.MaxAge/time.Second)), 10))
	if c.MaxAge <= 0 {
		// For clients from before RFC 6265 that know no Max-Age.
		b.WriteString("; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
	}
	if c.HTTPOnly {
		b.WriteString("; HttpOnly")
	}
	if c.Secure {
		b.WriteString("; Secure")
	}
	b.WriteString("; SameSite=Lax")
	return b.String()
}
