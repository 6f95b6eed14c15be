package referral

import (
	"crypto/sha256"
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

// line is an attempt in the spool and in replay files. Other fields are ignored: lines of the error log work too.
type line struct {
	AttemptID string `json:"attempt_id,omitempty"`
	User      string `json:"user"`
	Code      string `json:"code"`
	At        string `json:"at"`
	RequestID string `json:"request_id,omitempty"`
}

// FormatLine returns the attempt as one line of JSON, without the line end.
func FormatLine(a Attempt) []byte {
	user := a.User
	switch {
	case user == "":
		user = a.UserEmail
	case a.UserEmail == "":
		user = auth.IDRef(a.User)
	}
	b, err := json.Marshal(line{a.ID, user, a.Code.Text, a.At.UTC().Format(time.RFC3339Nano), a.RequestID})
	if err != nil { // five strings always marshal
		panic(err)
	}
	return b
}

// ReadLines returns the non-empty lines of r in order. An attempt without an id keeps it empty: DeriveAttemptID needs
// the user's id. The second value is a read error, which ends the sequence.
func ReadLines(r io.Reader, source Source) iter.Seq2[jsonl.Parsed[Attempt], error] {
	return jsonl.Parse(r, func(l jsonl.Line) (Attempt, error) { return parseLine(l, source) })
}

// parseLine returns an error that never quotes the line.
func parseLine(text jsonl.Line, source Source) (Attempt, error) {
	var l line
	err := text.Unmarshal(&l, "user, code and at")
	user, userErr := auth.ParseUserRef(l.User, nil)
	at, timeErr := jsonl.ParseTime(l.At)
	switch {
	case err != nil:
	case l.User == "":
		err = errors.New("no user")
	case strings.ContainsRune(l.User, utf8.RuneError): // the JSON parser writes it for half a surrogate pair
		err = errors.New("user contains U+FFFD or half a surrogate pair")
	case userErr != nil:
		err = fmt.Errorf("user is neither an id (1 to 128 characters of %s) nor an e-mail address", auth.IDCharacters)
	case strings.Trim(l.Code, asciiSpace) == "":
		err = errors.New("no code")
	case timeErr != nil:
		err = fmt.Errorf("at is %w", timeErr)
	case len(l.AttemptID) > maxAttemptID || escape(l.AttemptID, maxAttemptID) != l.AttemptID:
		err = fmt.Errorf("attempt_id is longer than %d characters or not printable ASCII", maxAttemptID)
	}
	if err != nil {
		return Attempt{}, fmt.Errorf("malformed line: %w", err)
	}
	return Attempt{
		ID: l.AttemptID, User: user.ID, UserEmail: user.Email, Code: ParsePresentedCode(l.Code), At: at,
		RequestID: escape(l.RequestID, maxAttemptID), Source: source,
	}, nil
}

// DeriveAttemptID returns the id of an attempt whose line has none. It is the same in every replay of the line.
func DeriveAttemptID(userID, code string, at time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", userID, code, at.UnixMicro()))
	return fmt.Sprintf("line_%x", sum[:16])
}
