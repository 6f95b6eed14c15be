package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/auth"
)

func TestNormalizeEmail(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 64) + "@" + strings.Repeat("b", 185) + ".com"
	for in, want := range map[string]string{
		"ann@example.com":             "ann@example.com",
		" Ann@Example.COM\t\n":        "ann@example.com",
		"ann+news@example.co.uk":      "ann+news@example.co.uk",
		"o'hara_1.x-y@sub.example":    "o'hara_1.x-y@sub.example",
		"ann@localhost":               "ann@localhost",
		"J\u00dcRGEN@EX\u00e4mple.de": "j\u00dcrgen@ex\u00e4mple.de",
		longest:                       longest,
	} {
		got, err := auth.NormalizeEmail(in)
		if got != want || err != nil {
			t.Errorf("NormalizeEmail(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

// TestEmailsAreFoldedInASCIIOnly has letters that Unicode folds to k and i.
func TestEmailsAreFoldedInASCIIOnly(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"\u212aATE@Example.com":      "\u212aate@example.com",
		"kate@example.\u212aOM":      "kate@example.\u212aom",
		"\u0130da@example.com":       "\u0130da@example.com",
		"\u00c9LISE@EXAMPLE.COM":     "\u00c9lise@example.com",
		"\u00e9lise@example.com":     "\u00e9lise@example.com",
		"\uff21nn@example.com":       "\uff21nn@example.com", // fullwidth
		"Ann@ex\u00c4mple.COM\u00a0": "ann@ex\u00c4mple.com",
	} {
		if got, err := auth.NormalizeEmail(in); got != want || err != nil {
			t.Errorf("NormalizeEmail(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

var notEmails = []string{
	"", " ", "ann", "@", "ann@", "@example.com", "ann@@example.com", "ann@example.com@example.com",
	"ann example@example.com", "ann@exam ple.com", "ann@example.com, bob@example.com",
	"Ann <ann@example.com>", "<ann@example.com>", "ann@example.com (Ann)", `"ann"@example.com`,
	`"a b"@example.com`, "ann.@example.com", ".ann@example.com", "ann..b@example.com", "ann@example..com",
	"ann@example.com\nbob@example.com", "ann\x00@example.com", "ann\x1b[31m@example.com", "ann\xff@example.com",
	"summer-26", ann, strings.Repeat("a", 243) + "@example.com",
}

func TestNormalizeEmailRejectsInvalidAddresses(t *testing.T) {
	t.Parallel()
	for _, in := range notEmails {
		if got, err := auth.NormalizeEmail(in); got != "" || !errors.Is(err, auth.ErrEmail) {
			t.Errorf("NormalizeEmail(%q) = %q, %v, want ErrEmail", in, got, err)
		}
	}
}

func FuzzNormalizeEmail(f *testing.F) {
	for _, in := range notEmails {
		f.Add(in)
	}
	f.Add(" Ann@Example.COM")
	f.Add("\u0130\u1e9e@\u023a.\u212a")
	f.Fuzz(func(t *testing.T, in string) {
		email, err := auth.NormalizeEmail(in)
		if err != nil {
			if email != "" || !errors.Is(err, auth.ErrEmail) {
				t.Errorf("NormalizeEmail(%q) = %q, %v", in, email, err)
			}
			return
		}
		if again, err := auth.NormalizeEmail(email); again != email || err != nil {
			t.Errorf("NormalizeEmail(%q) = %q, and of that %q, %v", in, email, again, err)
		}
		if len(email) > 254 || !strings.Contains(email, "@") || strings.ContainsAny(email, " \t\r\n\"<>") {
			t.Errorf("NormalizeEmail(%q) = %q", in, email)
		}
	})
}

func TestNormalizeID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		ann:                                    ann,
		"0189C0DE-F00D-7ABC-8DEF-0123456789AB": "0189c0de-f00d-7abc-8def-0123456789ab",
		"a":                                    "a",
		"42":                                   "42",
		"-":                                    "-",
		"user_2abCDEfghIJKlmnOPQrst":           "user_2abCDEfghIJKlmnOPQrst", // Clerk
		"VkFzT3Q0Yw9EuCz":                      "VkFzT3Q0Yw9EuCz",            // better-auth
		"auth0|507f1f77bcf86cd799439020":       "auth0|507f1f77bcf86cd799439020",
		"google-oauth2|1089":                   "google-oauth2|1089",
		"Ann@Example.com":                      "Ann@Example.com",
		"urn:uuid:00000000-0000-4000-8000-000": "urn:uuid:00000000-0000-4000-8000-000",
		"id:x":                                 "id:x",
		"..":                                   "..",
		strings.Repeat("x", 128):               strings.Repeat("x", 128),
		// almost a UUID: case counts
		"0189C0DE-F00D-7ABC-8DEF_0123456789AB":  "0189C0DE-F00D-7ABC-8DEF_0123456789AB",
		"0189C0DEF00D7ABC8DEF0123456789AB":      "0189C0DEF00D7ABC8DEF0123456789AB",
		"0189C0DE0-F00-7ABC-8DEF-0123456789AB":  "0189C0DE0-F00-7ABC-8DEF-0123456789AB",
		"0189C0DE-F00D-7ABC-8DEF-0123456789ABC": "0189C0DE-F00D-7ABC-8DEF-0123456789ABC",
		"G189C0DE-F00D-7ABC-8DEF-0123456789AB":  "G189C0DE-F00D-7ABC-8DEF-0123456789AB",
	} {
		if got, err := auth.NormalizeID(in); got != want || err != nil {
			t.Errorf("NormalizeID(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

var notIDs = []string{
	"", " ", "a b", " a", "a\n", "\x00", "a\x00b", "a/b", "../a", "%41", "a%20b", "a+b@example.com", "a,b", "a;b", "a=b", "{a}", "a\\b",
	"'a'", "\"a\"", "caf\u00e9", "\u212a", "\u0130d", "\uff21", "\xff", "a\u200bb", "\u202ea",
	"\u212a0000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-0000000000\u023a",
	strings.Repeat("x", 129), strings.Repeat("\u00e9", 64),
}

func TestNormalizeIDRejectsOtherCharactersAndLengths(t *testing.T) {
	t.Parallel()
	for _, in := range notIDs {
		if got, err := auth.NormalizeID(in); got != "" || !errors.Is(err, auth.ErrID) {
			t.Errorf("NormalizeID(%q) = %q, %v, want ErrID", in, got, err)
		}
	}
}

func FuzzNormalizeID(f *testing.F) {
	for _, in := range append(notIDs, ann, "0189C0DE-F00D-7ABC-8DEF-0123456789AB", "auth0|1") {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		id, err := auth.NormalizeID(in)
		if err != nil {
			if id != "" || !errors.Is(err, auth.ErrID) {
				t.Errorf("NormalizeID(%q) = %q, %v", in, id, err)
			}
			return
		}
		if again, err := auth.NormalizeID(id); again != id || err != nil || len(id) > 128 || id != in && len(in) != 36 {
			t.Errorf("NormalizeID(%q) = %q, and of that %q, %v", in, id, again, err)
		}
		if !strings.EqualFold(in, id) || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("NormalizeID(%q) = %q", in, id)
		}
		if ref, err := auth.ParseUserRef(auth.IDRef(id), nil); err != nil || ref != (auth.UserRef{ID: id}) {
			t.Errorf("IDRef(%q) = %q, which is read as %+v, %v", id, auth.IDRef(id), ref, err)
		}
	})
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{
		"": nil, "Ann": nil, "J\u00fcrgen \u202e": nil, "a\x1b[31m": nil, "a\x00b": auth.ErrName, "\xff": auth.ErrName,
	} {
		if err := auth.CheckName(name); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("CheckName(%q) = %v, want %v", name, err, want)
		}
	}
}

// parseCode is close to referral.ParseCode.
func parseCode(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	if len(s) < 3 || len(s) > 32 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", errors.New("not a code")
	}
	return s, nil
}

func TestParseUserRefReturnsEveryReading(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]auth.UserRef{
		strings.ToUpper(ann): {ID: ann},
		"ann":                {ID: "ann", Code: "ann"},
		"ANN":                {ID: "ANN", Code: "ann"},
		"12":                 {ID: "12"},
		"user_2abC":          {ID: "user_2abC"},
		"auth0|123":          {ID: "auth0|123"},
		" Summer-26":         {Code: "summer-26"},
		" Ann@example.com":   {Email: "ann@example.com"},
		"Ann@Example.com":    {ID: "Ann@Example.com", Email: "ann@example.com"},
		"a+b@example.com":    {Email: "a+b@example.com"},
		"@":                  {ID: "@"},
		"x.y":                {ID: "x.y"},
		"x y":                {},
		"":                   {},
		"\u212a@example.com": {Email: "\u212a@example.com"},
		// a prefix always counts
		"id:ann":                {ID: "ann"},
		"id:ann@example.com":    {ID: "ann@example.com"},
		"id:id:x":               {ID: "id:x"},
		"id:email:a@x.org":      {ID: "email:a@x.org"},
		"ID:ann":                {ID: "ID:ann"},
		"id:":                   {},
		"id: ann":               {},
		"email:Ann@Example.com": {Email: "ann@example.com"},
		"email:ann":             {},
		"email:":                {},
		"email:id:a@x.org":      {}, // no address has a colon
		"code:ANN":              {Code: "ann"},
		"code:x":                {},
		"code:":                 {},
		"code:" + ann:           {},
		"name:ann":              {ID: "name:ann"},
	} {
		got, err := auth.ParseUserRef(in, parseCode)
		if got != want || (want == auth.UserRef{}) != errors.Is(err, auth.ErrUserRef) {
			t.Errorf("ParseUserRef(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestParseUserRefWithoutCodes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]auth.UserRef{"ann": {ID: "ann"}, " ann": {}, "code:ann": {}, "id:code:ann": {ID: "code:ann"}} {
		got, err := auth.ParseUserRef(in, nil)
		if got != want || (want == auth.UserRef{}) != errors.Is(err, auth.ErrUserRef) {
			t.Errorf("ParseUserRef(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
}

func TestIDRefIsReadAsOnlyTheID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		ann: ann, "user_2abC": "user_2abC", "auth0|1": "auth0|1", "@": "@", "a@": "a@", "ID:x": "ID:x",
		"ann@example.com": "id:ann@example.com", "id:x": "id:id:x", "email:a@x.org": "id:email:a@x.org", "code:x": "id:code:x",
	} {
		if got := auth.IDRef(id); got != want {
			t.Errorf("IDRef(%q) = %q, want %q", id, got, want)
		}
	}
}
