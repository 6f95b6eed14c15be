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
	ID          string    // as NormalizeID returns it
	Email       string    // ASCII letters in lower case, unique; empty if the account has none
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

// UserChange is a change of an account. nil keeps the value, an empty text removes it.
type UserChange struct{ Email, DisplayName *string }

// Apply changes the user.
func (u *User) Apply(c UserChange) {
	if c.Email != nil {
		u.Email = *c.Email
	}
	if c.DisplayName != nil {
		u.DisplayName = *c.DisplayName
	}
}

// ImportUser is an account as an import describes it. ID or Email is set.
type ImportUser struct {
	ID string // empty: the account with this Email or, if there is none, a new id
	UserChange
	CreatedAt time.Time // zero: unknown. The earliest ever imported counts
}

// ImportResult is the outcome of one imported user. All fields are zero if the account exists and did not change.
type ImportResult struct {
	Created, Updated bool
	Err              error // the line contradicts an existing account
}

var (
	// ErrNoUser reports that a user does not exist. It wraps ErrNotFound.
	ErrNoUser = fmt.Errorf("no such user: %w", ErrNotFound)
	// ErrExists reports that another account has this id or e-mail address.
	ErrExists = errors.New("already exists")
	// ErrDisabled reports that an account is disabled.
	ErrDisabled = errors.New("the account is disabled")
	// ErrUserRef reports a text that names no user.
	ErrUserRef = errors.New("neither a user id, nor an e-mail address, nor a referral code")
	// ErrAmbiguous reports a text whose readings name different users.
	ErrAmbiguous = errors.New("the id of one user and the e-mail address or code of another: put id:, email: or code: before it")
	// ErrEmail is wrapped by the errors of NormalizeEmail.
	ErrEmail = errors.New("not an e-mail address")
	// ErrID reports a text that is no user id.
	ErrID = fmt.Errorf("not a user id: it has 1 to %d characters of %s", maxID, IDCharacters)
	// ErrName is wrapped by the errors of CheckName.
	ErrName = errors.New("not a name")
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

const (
	// IDCharacters are the characters of a user id, for people.
	IDCharacters = "A-Z a-z 0-9 _ . : @ | -"
	maxID        = 128
	idCharacter  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:@|-"
)

var uuid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// NormalizeID returns a user id as it is stored and compared: byte for byte, except that a UUID is in lower case. The
// error is ErrID.
func NormalizeID(s string) (id string, err error) {
	switch {
	case s == "" || len(s) > maxID || strings.Trim(s, idCharacter) != "":
		return "", ErrID
	case uuid.MatchString(s):
		return strings.ToLower(s), nil
	}
	return s, nil
}

// CheckName returns an error for a display name that cannot be stored.
func CheckName(s string) error {
	switch {
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: it is not UTF-8", ErrName)
	case strings.ContainsRune(s, 0):
		return fmt.Errorf("%w: it contains the character NUL", ErrName)
	}
	return nil
}

// UserRef contains the readings of a text that names a user, in canonical form. At least one is set. The text `ann`
// is an id and a code.
type UserRef struct{ ID, Email, Code string }

// The prefixes that force one reading of a text.
const idPrefix, emailPrefix, codePrefix = "id:", "email:", "code:"

// ParseUserRef parses the text with which a person names a user. A prefix always counts: the id `id:x` is written
// `id:id:x`. The error is ErrUserRef. parseCode is referral.ParseCode, which this package cannot import; nil accepts no
// codes.
func ParseUserRef(s string, parseCode func(string) (string, error)) (ref UserRef, err error) {
	text, only := s, ""
	for _, prefix := range []string{idPrefix, emailPrefix, codePrefix} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			text, only = rest, prefix
		}
	}
	may := func(prefix string) bool { return only == "" || only == prefix }
	if may(idPrefix) {
		ref.ID, _ = NormalizeID(text)
	}
	if may(emailPrefix) && strings.Contains(text, "@") {
		ref.Email, _ = NormalizeEmail(text)
	}
	if may(codePrefix) && parseCode != nil {
		ref.Code, _ = parseCode(text)
	}
	if ref == (UserRef{}) {
		return ref, ErrUserRef
	}
	return ref, nil
}

// IDRef returns the text that ParseUserRef, without codes, reads as only this id.
func IDRef(id string) string {
	if ref, err := ParseUserRef(id, nil); err != nil || ref != (UserRef{ID: id}) {
		return idPrefix + id
	}
	return id
}
