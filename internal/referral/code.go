package referral

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Lengths of codes in characters. A new uid code has UIDCodeLength.
const (
	minCodeLength = 3
	MaxCodeLength = 32
	UIDCodeLength = 10
)

// CodeKind is how a code came to be.
type CodeKind string

// A uid code is created with the account and permanent. A custom code is a slug that its owner chose.
const (
	KindUID    CodeKind = "uid"
	KindCustom CodeKind = "custom"
)

// Code is the value of ?ref= in a referral link. It belongs to its owner permanently: a link printed
// last year must never credit a stranger.
type Code struct {
	Code       string
	Kind       CodeKind
	UserID     string
	CreatedAt  time.Time
	DisabledAt time.Time // zero while the code is active
}

var (
	errCode = errors.New("not a referral code")
	// ErrReserved reports that a slug is reserved for the operator.
	ErrReserved = errors.New("the slug is reserved")
	// ErrTaken reports that a code belongs, or belonged, to another user.
	ErrTaken = errors.New("the slug belongs to another user")
	// ErrNoSlug reports that a user has no active slug.
	ErrNoSlug = errors.New("the user has no active slug")
	// ErrPermanent reports that a uid code was requested as a slug.
	ErrPermanent = errors.New("the code was made with the account: it is always active and cannot be a slug")
)

// reservedSlugs are words that look like the operator's own, or like a path.
const reservedSlugs = " about account admin administrator api app assets auth billing blog console contact " +
	"dashboard docs email ftp healthz help home info legal login logout mail metrics news null official pricing " +
	"privacy readyz register root security settings signin signout signup staff static status support system " +
	"team terms test triport undefined user users www "

const (
	asciiSpace    = " \t\n\v\f\r"
	codeCharacter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
)

// ParseCode returns the canonical form of a presented code: ASCII white space trimmed, ASCII letters in lower
// case. Nothing is decoded, folded or stripped: `café` must not become `caf`, which is another user's code.
// The error says which rule is broken.
func ParseCode(presented string) (string, error) {
	s := strings.Trim(presented, asciiSpace)
	switch {
	case len(s) < minCodeLength || len(s) > MaxCodeLength:
		return "", fmt.Errorf("%w: it has %d to %d characters, not %d", errCode, minCodeLength, MaxCodeLength, len(s))
	case s[0] == '-' || s[len(s)-1] == '-':
		return "", fmt.Errorf("%w: it has no hyphen at either end", errCode)
	case strings.Trim(s, codeCharacter) != "":
		return "", fmt.Errorf("%w: it is made of a-z, 0-9 and hyphens", errCode)
	}
	return strings.ToLower(s), nil
}

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
	return PresentedCode{Text: escape(strings.Trim(s, asciiSpace), maxStoredCode)}
}

// maxStoredCode limits a malformed value in the audit log, in bytes before escaping.
const maxStoredCode = 64

var escaped = regexp.MustCompile(`^\\x[0-9a-f]{2}`)

// escape returns the first n bytes of s with everything but printable ASCII written as \xNN. Such an escape in s is
// kept and counts as one byte: escaping twice equals escaping once.
func escape(s string, n int) string {
	var b strings.Builder
	for ; n > 0 && s != ""; n-- {
		size := len(escaped.FindString(s))
		switch {
		case size > 0:
			b.WriteString(s[:size])
		case s[0] <= ' ' || s[0] >= 0x7f:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		default:
			b.WriteByte(s[0])
		}
		s = s[max(1, size):]
	}
	return b.String()
}

// uidAlphabet is Crockford's base 32 in lower case. It has no i, l, o or u, which are misread easily.
var uidAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// UIDCode returns the first n characters, UIDCodeLength to MaxCodeLength, of the code of a user id: its SHA-256
// in Crockford's base 32. If the code is taken, a store tries one more character.
func UIDCode(userID string, n int) string {
	sum := sha256.Sum256([]byte(userID))
	return uidAlphabet.EncodeToString(sum[:])[:n]
}

// CheckSlug reports whether the user may take a canonical code as a slug. existing is the stored code, nil if it
// never existed. The error is ErrReserved, ErrTaken or ErrPermanent.
func CheckSlug(slug, userID string, existing *Code) error {
	switch {
	case strings.Contains(reservedSlugs, " "+slug+" "):
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

// TouchLast selects the newest link. TouchFirst keeps an existing well-formed cookie.
const (
	TouchLast  Touch = "last"
	TouchFirst Touch = "first"
)
