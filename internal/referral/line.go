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

// maxAttemptID limits an attempt id, in bytes.
const maxAttemptID = 128

// line is an attempt in the spool and in replay files. Other fields are ignored: a line of the error log
// that contains an attempt can be replayed as it is.
type line struct {
	AttemptID string `json:"attempt_id,omitempty"`
	User      string `json:"user"`
	Code      string `json:"code"`
	At        string `json:"at"`
	RequestID string `json:"request_id,omitempty"`
}

// FormatLine returns the attempt as one line of JSON, without the line end.
func FormatLine(a Attempt) []byte {
	b, err := json.Marshal(line{a.ID, a.User, a.Code.Text, a.At.UTC().Format(time.RFC3339Nano), a.RequestID})
	if err != nil { // five strings always marshal
		panic(err)
	}
	return b
}

// ReadLines returns the non-empty lines of r in order, in constant memory. An attempt without an id keeps it empty:
// DeriveAttemptID needs the user's id. The second value is a read error, which ends the sequence.
func ReadLines(r io.Reader, source Source) iter.Seq2[jsonl.Parsed[Attempt], error] {
	return jsonl.Parse(r, func(l jsonl.Line) (Attempt, error) {
		a, err := parseLine(l, source)
		if err != nil {
			err = fmt.Errorf("malformed line: %w", err)
		}
		return a, err
	})
}

// parseLine parses a line. The error never quotes it.
func parseLine(text jsonl.Line, source Source) (Attempt, error) {
	var l line
	if err := text.Unmarshal(&l, "user, code and at"); err != nil {
		return Attempt{}, err
	}
	user, err := parseUser(l.User)
	if err != nil {
		return Attempt{}, err
	}
	at, err := jsonl.ParseTime(l.At)
	switch {
	case strings.Trim(l.Code, asciiSpace) == "":
		return Attempt{}, errors.New("no code")
	case err != nil:
		return Attempt{}, fmt.Errorf("at is %w", err)
	case !isPrintable(l.AttemptID) || len(l.AttemptID) > maxAttemptID:
		return Attempt{}, fmt.Errorf("attempt_id is longer than %d characters or not printable ASCII", maxAttemptID)
	}
	return Attempt{
		ID: l.AttemptID, User: user, Code: ParsePresentedCode(l.Code), At: at,
		RequestID: escape(l.RequestID, maxAttemptID), Source: source,
	}, nil
}

// parseUser returns the canonical id or e-mail address of a user.
func parseUser(s string) (string, error) {
	ref, err := auth.ParseUserRef(s, nil)
	switch {
	case s == "":
		return "", errors.New("no user")
	case strings.ContainsRune(s, utf8.RuneError): // the JSON parser writes it for half a surrogate pair
		return "", errors.New("user contains U+FFFD or half a surrogate pair")
	case err != nil:
		return "", errors.New("user is neither an id nor an e-mail address")
	}
	return ref.ID + ref.Email, nil
}

// isPrintable reports whether s is printable ASCII without white space.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// DeriveAttemptID returns the id of an attempt whose line has none. The same user, code and time give the
// same id, so replaying a file twice equals replaying it once.
func DeriveAttemptID(userID, code string, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", userID, code, at.UnixMicro()))
	return "line_" + hex.EncodeToString(sum[:16])
}
