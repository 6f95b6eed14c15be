package referral

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The lengths a code may have, in characters, and how many a new uid code has.
const (
	minCodeLength = 3
	MaxCodeLength = 32
	UIDCodeLength = 10
)

// CodeKind tells how a code came to be.
type CodeKind string

// A uid code is made with the account and permanent; a custom one is a slug its owner chose.
const (
	KindUID    CodeKind = "uid"
	KindCustom CodeKind = "custom"
)

// Code is what a referral link carries in ?ref=. Once it exists it is its owner's for ever: a link
// printed last year must never credit a stranger.
type Code struct {
	Code       string
	Kind       CodeKind
	UserID     string
	CreatedAt  time.Time
	DisabledAt time.Time // zero while the code is active
}

var (
	// ErrCode is what ParseCode wraps.
	ErrCode = errors.New("not a referral code")
	// ErrReserved says that a slug is kept back for the operator's own use.
	ErrReserved = errors.New("the slug is reserved")
	// ErrTaken says that a code is, or was, somebody else's.
	ErrTaken = errors.New("the slug belongs to another user")
	// ErrNoSlug reports that a user has no active slug.
	ErrNoSlug = errors.New("the user has no active slug")
	// ErrPermanent says that a uid code was asked to be a slug.
	ErrPermanent = errors.New("the code was made with the account: it is always active and cannot be a slug")
)

// reserved are the words no slug may be: they read as the operator's own voice, or as a path.
var reserved = map[string]bool{
	"about": true, "account": true, "admin": true, "administrator": true, "api": true, "app": true,
	"assets": true, "auth": true, "billing": true, "blog": true, "console": true, "contact": true,
	"dashboard": true, "docs": true, "email": true, "ftp": true, "healthz": true, "help": true,
	"home": true, "info": true, "legal": true, "login": true, "logout": true, "mail": true,
	"metrics": true, "news": true, "null": true, "official": true, "pricing": true, "privacy": true,
	"readyz": true, "register": true, "root": true, "security": true, "settings": true,
	"signin": true, "signout": true, "signup": true, "staff": true, "static": true, "status": true,
	"support": true, "system": true, "team": true, "terms": true, "test": true, "triport": true,
	"undefined": true, "user": true, "users": true, "www": true,
}

// isReserved tells whether a canonical code is kept back from users.
func isReserved(code string) bool { return reserved[code] }

// ParseCode returns the canonical form of a presented code: ASCII white space trimmed, ASCII letters
// lower-cased. Nothing is decoded, folded or stripped, so that `café` can never become `caf`, which
// is somebody else's. The error wraps ErrCode and says which rule is broken.
func ParseCode(presented string) (string, error) {
	s := strings.Trim(presented, asciiSpace)
	if len(s) < minCodeLength || len(s) > MaxCodeLength {
		return "", fmt.Errorf("%w: it has %d to %d characters, not %d", ErrCode, minCodeLength, MaxCodeLength, len(s))
	}
	if s[0] == '-' || s[len(s)-1] == '-' {
		return "", fmt.Errorf("%w: it has no hyphen at either end", ErrCode)
	}
	upper := false
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-':
		case 'A' <= c && c <= 'Z':
			upper = true
		default:
			return "", fmt.Errorf("%w: it is made of a-z, 0-9 and hyphens", ErrCode)
		}
	}
	if upper {
		s = strings.ToLower(s)
	}
	return s, nil
}

const asciiSpace = " \t\n\v\f\r"

// PresentedCode is the value of a ref_code cookie or of a replay line, parsed once at the edge.
type PresentedCode struct {
	// Text is the canonical code. For a malformed value it is the first 64 bytes with everything but
	// printable ASCII written as \xNN; empty means that no code was presented.
	Text       string
	WellFormed bool
}

// ParsePresentedCode parses a presented value. Parsing the Text of a result again gives the same result,
// so an attempt leaves the spool with the code that it entered with.
func ParsePresentedCode(s string) PresentedCode {
	if code, err := ParseCode(s); err == nil {
		return PresentedCode{Text: code, WellFormed: true}
	}
	return PresentedCode{Text: escape(cut(strings.Trim(s, asciiSpace), maxKeptValue))}
}

// maxKeptValue bounds, in bytes before they are escaped, what the audit log keeps of a malformed value.
const maxKeptValue = 64

// cut returns the first n bytes of s, an escape counting as the one byte it stands for.
func cut(s string, n int) string {
	end := 0
	for ; n > 0 && end < len(s); n-- {
		if isEscape(s[end:]) {
			end += len(`\xNN`)
		} else {
			end++
		}
	}
	return s[:end]
}

// isEscape tells whether s begins with an escape as escape writes it.
func isEscape(s string) bool {
	const hex = "0123456789abcdef"
	return len(s) >= len(`\xNN`) && s[:2] == `\x` && strings.IndexByte(hex, s[2]) >= 0 && strings.IndexByte(hex, s[3]) >= 0
}

// escape leaves backslashes alone, so that escaping twice is escaping once.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// uidAlphabet is Crockford's base 32 in lower case: no i, l, o or u, so that a code read aloud or
// copied by hand comes back the same.
var uidAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// UIDCode returns the first n characters, UIDCodeLength to MaxCodeLength, of the code derived from a
// user id: the SHA-256 of the id in Crockford's base 32. A store asks for one more character as long
// as the code is taken.
func UIDCode(userID string, n int) string {
	sum := sha256.Sum256([]byte(userID))
	return uidAlphabet.EncodeToString(sum[:])[:n]
}

// CheckSlug tells whether the user may take a canonical code as a slug. existing is the code's
// present row, nil when it has never existed. The error is ErrReserved, ErrTaken or ErrPermanent.
func CheckSlug(slug, userID string, existing *Code) error {
	switch {
	case isReserved(slug):
		return ErrReserved
	case existing == nil:
		return nil
	case existing.UserID != userID:
		return ErrTaken
	case existing.Kind == KindUID:
		return ErrPermanent
	}
	return nil
}

// Touch selects which of several referral links counts.
type Touch string

// TouchLast lets the newest link win. TouchFirst keeps an existing well-formed cookie.
const (
	TouchLast  Touch = "last"
	TouchFirst Touch = "first"
)
