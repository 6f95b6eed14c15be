// Package auth holds who may call: users, their sessions, and the rules that tell a browser's own
// request from one that somebody else made it send. It knows neither HTTP nor SQL.
package auth

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"
)

// User is an account of the console.
type User struct {
	ID          string    // UUID in its 36-character lower-case form
	Email       string    // lower-case, unique
	DisplayName string    // as its owner wrote it: escape before it reaches a terminal
	CreatedAt   time.Time // UTC, whole microseconds
	DisabledAt  time.Time // zero while the account is enabled
}

// Disabled reports whether the account has been disabled.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// ErrEmail is what NormalizeEmail wraps.
var ErrEmail = errors.New("not an e-mail address")

// maxEmail is the longest address SMTP can carry (RFC 5321, 4.5.3.1.3, less the angle brackets).
const maxEmail = 254

// NormalizeEmail returns the form in which e-mail addresses are stored and compared: trimmed and
// lower-case. The error wraps ErrEmail.
func NormalizeEmail(s string) (string, error) {
	if !utf8.ValidString(s) { // lower-casing would mend it into another address
		return "", fmt.Errorf("%w: it is not UTF-8", ErrEmail)
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) > maxEmail {
		return "", fmt.Errorf("%w: longer than %d characters", ErrEmail, maxEmail)
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || strings.ContainsAny(s, " \t\"") {
		return "", fmt.Errorf("%w: %q (expected something like ann@example.com)", ErrEmail, s)
	}
	return s, nil
}

// NormalizeID returns the form in which user ids are stored and compared: a 36-character UUID in
// lower case. ok is false when s is no UUID.
func NormalizeID(s string) (id string, ok bool) {
	const dashes = "00000000-0000-0000-0000-000000000000"
	if len(s) != len(dashes) {
		return "", false
	}
	s = strings.ToLower(s)
	for i := range len(s) {
		c := s[i]
		if dashes[i] == '-' {
			if c != '-' {
				return "", false
			}
			continue
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", false
		}
	}
	return s, true
}
