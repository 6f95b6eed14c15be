package referral

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Lengths of codes in characters.
const (
	minCodeLength = 3
	MaxCodeLength = 32
	UIDCodeLength = 10 // of a new uid code
)

// CodeKind is how a code came to be.
type CodeKind string

// A uid code is created with the account, a custom code is a slug that its owner chose.
const (
	KindUID    CodeKind = "uid"
	KindCustom CodeKind = "custom"
)

// Code is the value of ?ref= in a referral link. It never gets another owner: printed links stay in use.
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
	// ErrTaken reports that a code is, or was, another user's.
	ErrTaken = errors.New("the slug belongs to another user")
	// ErrNoSlug reports that a user has no active slug.
	ErrNoSlug = errors.New("the user has no active slug")
	// ErrPermanent reports that a uid code was requested as a slug.
	ErrPermanent = errors.New("the code was made with the account: it is always active and cannot be a slug")
)

// reservedSlugs look like the operator's words or a path.
const reservedSlugs = " about account admin administrator api app assets auth billing blog console contact " +
	"dashboard docs email ftp healthz help home info legal login logout mail metrics news null official pricing " +
	"privacy readyz register root security settings signin signout signup staff static status support system " +
	"team terms test triport undefined user users www "

const (
	asciiSpace    = " \t\n\v\f\r"
	codeCharacter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
)

// ParseCode returns the canonical code: ASCII white space trimmed, ASCII letters in lower case. It folds and strips
// nothing else: `café` must not become `caf`, another user's code. The error names the broken rule.
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

// PresentedCode is the parsed value of a ref_code cookie or of a replay line.
type PresentedCode struct {
	Text       string // the canonical code, or the first 64 bytes escaped; empty if no code was presented
	WellFormed bool
}

// ParsePresentedCode parses a presented value. Parsing Text again gives the same result: the spool changes no code.
func ParsePresentedCode(s string) PresentedCode {
	if code, err := ParseCode(s); err == nil {
		return PresentedCode{Text: code, WellFormed: true}
	}
	return PresentedCode{Text: escape(strings.Trim(s, asciiSpace), maxStoredCode)}
}

// maxStoredCode limits a malformed value in the audit log, in bytes before escaping.
const maxStoredCode = 64

var escaped = regexp.MustCompile(`^\\x[0-9a-f]{2}`)

// escape returns the first n bytes of s, with \xNN for all but printable ASCII. An escape in s stays, as one byte.
func escape(s string, n int) string {
	var b strings.Builder
	for ; n > 0 && s != ""; n-- {
		unit := cmp.Or(escaped.FindString(s), s[:1])
		s = s[len(unit):]
		if unit[0] <= ' ' || unit[0] >= 0x7f {
			unit = fmt.Sprintf(`\x%02x`, unit[0])
		}
		b.WriteString(unit)
	}
	return b.String()
}

// uidAlphabet is Crockford's base 32: i, l, o and u, which are misread easily, are missing.
var uidAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// UIDCode returns n characters of the id's SHA-256 in base 32. If the code is taken, a store tries one more.
func UIDCode(userID string, n int) string {
	sum := sha256.Sum256([]byte(userID))
	return uidAlphabet.EncodeToString(sum[:])[:n]
}

// CheckSlug reports why the user may not take a canonical code as a slug: ErrReserved, ErrTaken or ErrPermanent.
// existing is the stored code, nil if it never existed.
func CheckSlug(slug, userID string, existing *Code) error {
	switch {
	case strings.Contains(reservedSlugs, " "+slug+" "):
		return ErrReserved
	case existing != nil && existing.UserID != userID:
		return ErrTaken
	case existing != nil && existing.Kind == KindUID:
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
