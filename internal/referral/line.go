package referral

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/jsonl"
)

// ErrLine is what the error of a malformed line wraps.
var ErrLine = errors.New("malformed line")

// maxAttemptID bounds an attempt id, in bytes.
const maxAttemptID = 128

// line is an attempt as the spool and replay files write it. Fields it does not name are passed
// over, so that a line of the error log that carries an attempt can be replayed as it stands.
type line struct {
	AttemptID string `json:"attempt_id,omitempty"`
	User      string `json:"user"`
	Code      string `json:"code"`
	At        string `json:"at"`
	RequestID string `json:"request_id,omitempty"`
}

// FormatLine returns the attempt as one line of JSON, without the line end.
func FormatLine(a Attempt) []byte {
	b, err := json.Marshal(lineOf(a))
	if err != nil { // five strings always marshal
		panic(err)
	}
	return b
}

func lineOf(a Attempt) line {
	return line{a.ID, a.User, a.Code.Text, a.At.UTC().Format(time.RFC3339Nano), a.RequestID}
}

// ParseLine reads an attempt from one line of JSON. The error wraps ErrLine and never quotes the
// line. An attempt without an id keeps it empty: DeriveAttemptID needs the user's id first.
func ParseLine(b []byte, source Source) (Attempt, error) {
	// The JSON parser would put U+FFFD in the place of such bytes, and so make another address of one.
	// FormatLine never writes any: what a cookie held is escaped before.
	if !utf8.Valid(b) {
		return Attempt{}, fmt.Errorf("%w: not UTF-8", ErrLine)
	}
	var l line
	if err := json.Unmarshal(b, &l); err != nil {
		return Attempt{}, fmt.Errorf("%w: not a JSON object with the strings user, code and at", ErrLine)
	}
	user, err := parseUser(l.User)
	if err != nil {
		return Attempt{}, err
	}
	if strings.Trim(l.Code, asciiSpace) == "" {
		return Attempt{}, fmt.Errorf("%w: no code", ErrLine)
	}
	at, err := time.Parse(time.RFC3339Nano, l.At)
	at = at.UTC()
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return Attempt{}, fmt.Errorf("%w: at is not an RFC 3339 time since 1970, such as 2026-01-31T12:00:00Z", ErrLine)
	}
	if !isToken(l.AttemptID) {
		return Attempt{}, fmt.Errorf("%w: attempt_id is longer than %d characters or not printable ASCII", ErrLine, maxAttemptID)
	}
	return Attempt{
		ID: l.AttemptID, User: user, Code: ParsePresentedCode(l.Code), At: at.Truncate(time.Microsecond),
		RequestID: escape(cut(l.RequestID, maxAttemptID)), Source: source,
	}, nil
}

// parseUser takes a user's id or e-mail address, the two ways in which a line may name one.
func parseUser(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("%w: no user", ErrLine)
	}
	if id, ok := auth.NormalizeID(s); ok {
		return id, nil
	}
	if strings.ContainsRune(s, utf8.RuneError) { // as the JSON parser writes half a surrogate pair
		return "", fmt.Errorf("%w: user holds U+FFFD or half a surrogate pair in the place of a character", ErrLine)
	}
	email, err := auth.NormalizeEmail(s)
	if err != nil {
		return "", fmt.Errorf("%w: user is neither an id nor an e-mail address", ErrLine)
	}
	return email, nil
}

// isToken tells whether s is at most maxAttemptID printable ASCII characters without white space.
func isToken(s string) bool {
	if len(s) > maxAttemptID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// DeriveAttemptID returns the id of an attempt whose line has none: the same user, code and time
// always give the same id, so that the same file twice is still once.
func DeriveAttemptID(userID, code string, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", userID, code, at.UnixMicro()))
	return "line_" + hex.EncodeToString(sum[:16])
}

// Line is one non-empty line of a spool or replay file: an attempt, or the reason why it is none.
type Line struct {
	Number  int       // from 1, empty lines counted
	Raw     []byte    // without the line end; valid until the next line
	Rest    io.Reader // what follows Raw of a line longer than 64 KiB, valid until the next line; else nil
	Attempt Attempt
	Err     error // wraps ErrLine
}

// ReadLines returns the non-empty lines of r in order, in constant memory, stamped with source. The
// second value is a read error, which ends the sequence.
func ReadLines(r io.Reader, source Source) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for raw, err := range jsonl.Lines(r) {
			l := Line{Number: raw.Number, Raw: raw.Text, Rest: raw.Rest}
			switch {
			case err != nil:
			case raw.Rest != nil:
				l.Err = fmt.Errorf("%w: %w", ErrLine, jsonl.ErrTooLong)
			default:
				l.Attempt, l.Err = ParseLine(l.Raw, source)
			}
			if !yield(l, err) {
				return
			}
		}
	}
}
