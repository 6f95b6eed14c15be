package cli

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/jsonl"
)

// FuzzParseAccount checks that a parsed account has the values that any JSON parser finds in the line, and that it
// survives formatting and parsing again.
func FuzzParseAccount(f *testing.F) {
	f.Add([]byte(`{"email":"Ann@Example.com"}`))
	f.Add([]byte(`{"id":"0189C0DE-F00D-7ABC-8DEF-0123456789AB","email":"a@b.c","display_name":"\u202e\ud800","created_at":"2026-03-01T12:00:00.123456789+14:00"}`))
	f.Add([]byte(`{"email":"a@b.c","Email":"d@e.f"}`))
	f.Add([]byte("{\"email\":\"a\xffb@x.org\"}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		u, err := parseAccount(jsonl.Line{Text: line})
		if err != nil {
			if u != (auth.ImportUser{}) {
				t.Errorf("%q: %+v with %v", line, u, err)
			}
			return
		}
		text := func(s *string) string {
			if s == nil {
				return ""
			}
			return *s
		}
		email, name := text(u.Email), text(u.DisplayName)
		if !utf8.Valid(line) || strings.ContainsRune(email, utf8.RuneError) {
			t.Errorf("%q is %+v, which is not in the line", line, u)
		}
		var plain struct {
			ID, Email   string
			DisplayName string    `json:"display_name"`
			CreatedAt   time.Time `json:"created_at"`
		}
		fields := map[string]any{"id": u.ID, "email": u.Email, "display_name": u.DisplayName, "created_at": ""}
		if !u.CreatedAt.IsZero() {
			fields["created_at"] = u.CreatedAt.Format(time.RFC3339Nano)
		}
		again, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := parseAccount(jsonl.Line{Text: again}); err != nil || cmp.Diff(u, back) != "" {
			t.Errorf("%q is %+v, and parsed again %+v, %v", line, u, back, err)
		}
		if u.CreatedAt.IsZero() { // an empty time is none for the JSON parser
			return
		}
		if err := json.Unmarshal(line, &plain); err != nil {
			t.Fatal(err)
		}
		if !strings.EqualFold(strings.TrimSpace(plain.Email), email) || !strings.EqualFold(plain.ID, u.ID) ||
			plain.DisplayName != name || !plain.CreatedAt.Truncate(time.Microsecond).Equal(u.CreatedAt) {
			t.Errorf("%q is %+v, and was read as %+v", line, plain, u)
		}
	})
}

// FuzzTimeFlag compares --since and --until with arithmetic that cannot overflow.
func FuzzTimeFlag(f *testing.F) {
	for _, seed := range []string{"2026-01-31T12:00:00.123456789+14:00", "24h", "7d", "1h30m", "0s", "-1h", "-200000d", "106751d", "106752d", "7", "0000-01-01T00:00:00+23:59"} {
		f.Add(seed)
	}
	const maxDays = 106751 // that fit into a time.Duration
	days := regexp.MustCompile(`^([+-]?[0-9]+)d$`)
	now := testNow.Truncate(time.Microsecond)
	f.Fuzz(func(t *testing.T, value string) {
		got, err := parseTimeFlag("since", value, now)
		if value == "" {
			if err != nil || !got.IsZero() {
				t.Errorf("no value: %v, %v", got, err)
			}
			return
		}
		if at, rfcErr := time.Parse(time.RFC3339Nano, value); rfcErr == nil {
			if err != nil || !got.Equal(at.Truncate(time.Microsecond)) || got.Location() != time.UTC {
				t.Errorf("%q: %v, %v", value, got, err)
			}
			return
		}
		if m := days.FindStringSubmatch(value); m != nil {
			n, _ := new(big.Int).SetString(m[1], 10)
			fits := n.Sign() >= 0 && n.Cmp(big.NewInt(maxDays)) <= 0
			if fits != (err == nil) || fits && !got.Equal(now.AddDate(0, 0, -int(n.Int64()))) {
				t.Errorf("%q: %v, %v", value, got, err)
			}
			return
		}
		age, ageErr := time.ParseDuration(value)
		bare := strings.Trim(value, "+-0123456789.") == ""
		if ok := ageErr == nil && age >= 0 && !bare; ok != (err == nil) || ok && now.Sub(got) != age {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	})
}

// FuzzEscapedJSON checks that escaped JSON is printable and has the same value.
func FuzzEscapedJSON(f *testing.F) {
	f.Add("Ann\x1b[2J\u202e\xff\U000e0001\\u0000")
	f.Fuzz(func(t *testing.T, s string) {
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeJSON(string(line))
		var before, after string
		if err := json.Unmarshal(line, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(escaped), &after); err != nil || after != before {
			t.Errorf("%q became %s, which is %q, %v", s, escaped, after, err)
		}
		if shown := escapeText(escaped); shown != escaped {
			t.Errorf("%q is printed as %s, with something unprintable in it", s, escaped)
		}
	})
}
