// Package auth contains accounts, sessions, tokens, cookies and the rules that protect a browser's requests.
package auth

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// User is an account of the console.
type User struct {
	ID          string    // UUID, 36 characters in lower case
	Email       string    // ASCII letters in lower case, unique
	DisplayName string    // as the owner wrote it: escape it for a terminal
	CreatedAt   time.Time // UTC, whole microseconds
	DisabledAt  time.Time // zero while the account is enabled
}

// Disabled reports whether the account is disabled.
func (u User) Disabled() bool { return !u.DisabledAt.IsZero() }

// Account is a user with the referral code that was created with the account.
type Account struct {
	User User
	Code string // the uid code
}

// ImportResult is the outcome of one imported user.
type ImportResult struct {
	Created bool  // false: the account exists
	Err     error // the line contradicts an existing account
}

var (
	// ErrNoUser reports that a user does not exist. It wraps ErrNotFound.
	ErrNoUser = fmt.Errorf("no such user: %w", ErrNotFound)
	// ErrExists reports that an account with this id or e-mail address exists.
	ErrExists = errors.New("already exists")
	// ErrUserRef reports a text that names no user.
	ErrUserRef = errors.New("neither a user id, nor an e-mail address, nor a referral code")
	// ErrEmail is wrapped by the errors of NormalizeEmail.
	ErrEmail = errors.New("not an e-mail address")
)

// maxEmail is the longest address in SMTP (RFC 5321, 4.5.3.1.3, without the angle brackets).
const maxEmail = 254

// NormalizeEmail returns an e-mail address as it is stored and compared: trimmed, ASCII letters in lower case.
// Unicode folds letters of other alphabets to ASCII, which makes the address another person's.
func NormalizeEmail(s string) (string, error) {
	if !utf8.ValidString(s) { // strings.Map would turn it into another address
		return "", fmt.Errorf("%w: it is not UTF-8", ErrEmail)
	}
	if s = strings.Map(asciiLower, strings.TrimSpace(s)); len(s) > maxEmail {
		return "", fmt.Errorf("%w: longer than %d characters", ErrEmail, maxEmail)
	}
	addr, err := mail.ParseAddress(s)
	if err != nil || addr.Address != s || strings.ContainsAny(s, " \t\"") {
		return "", fmt.Errorf("%w: %q (expected something like ann@example.com)", ErrEmail, s)
	}
	return s, nil
}

func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// NormalizeID returns a user id as it is stored and compared, in lower case. ok is false if s is not a UUID.
func NormalizeID(s string) (id string, ok bool) {
	if s = strings.ToLower(s); !uuid.MatchString(s) {
		return "", false
	}
	return s, true
}

// UserRef names a user by exactly one of these, in canonical form.
type UserRef struct{ ID, Email, Code string }

// ParseUserRef parses the text with which a person names a user. The error is ErrUserRef. parseCode is
// referral.ParseCode, which this package cannot import; nil accepts no codes.
func ParseUserRef(s string, parseCode func(string) (string, error)) (UserRef, error) {
	if id, ok := NormalizeID(s); ok {
		return UserRef{ID: id}, nil
	}
	if parseCode != nil {
		if code, err := parseCode(s); err == nil {
			return UserRef{Code: code}, nil
		}
	}
	if email, err := NormalizeEmail(s); err == nil {
		return UserRef{Email: email}, nil
	}
	return UserRef{}, ErrUserRef
}
