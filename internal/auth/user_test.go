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
		"":                                     "",
		ann[:35]:                               "",
		ann + "0":                              "",
		" " + ann[1:]:                          "",
		"{" + ann[1:35] + "}":                  "",
		"00000000000000000000000000000000":     "",
		"00000000-0000-4000-8000_00000000000a": "",
		"000000000-000-4000-8000-00000000000a": "",
		"g0000000-0000-4000-8000-00000000000a": "",
		"urn:uuid:00000000-0000-4000-8000-000": "",
		"\u212a00000-0000-4000-8000-00000000000a":  "", // shorter in lower case
		"00000000-0000-4000-8000-0000000000\u023a": "", // longer in lower case
	} {
		if got, ok := auth.NormalizeID(in); got != want || ok != (want != "") {
			t.Errorf("NormalizeID(%q) = %q, %t, want %q", in, got, ok, want)
		}
	}
}

func FuzzNormalizeID(f *testing.F) {
	f.Add(ann)
	f.Add("00000000-0000-4000-8000-0000000000\u023a")
	f.Add("\u212a00000-0000-4000-8000-00000000000a")
	f.Fuzz(func(t *testing.T, in string) {
		id, ok := auth.NormalizeID(in)
		if !ok {
			if id != "" {
				t.Errorf("NormalizeID(%q) = %q, false", in, id)
			}
			return
		}
		if again, ok := auth.NormalizeID(id); again != id || !ok || !strings.EqualFold(in, id) || len(id) != 36 {
			t.Errorf("NormalizeID(%q) = %q, and of that %q, %t", in, id, again, ok)
		}
	})
}

func TestParseUserRef(t *testing.T) {
	t.Parallel()
	parseCode := func(s string) (string, error) {
		if strings.ContainsAny(s, "@.") || len(s) > 32 {
			return "", errors.New("not a code")
		}
		return strings.ToLower(s), nil
	}
	for in, want := range map[string]auth.UserRef{
		strings.ToUpper(ann): {ID: ann},
		" Ann@example.com":   {Email: "ann@example.com"},
		"Summer-26":          {Code: "summer-26"},
		"x.y":                {},
	} {
		got, err := auth.ParseUserRef(in, parseCode)
		if got != want || (want == auth.UserRef{}) != errors.Is(err, auth.ErrUserRef) {
			t.Errorf("ParseUserRef(%q) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	if got, err := auth.ParseUserRef("summer-26", nil); !errors.Is(err, auth.ErrUserRef) {
		t.Errorf("without codes: ParseUserRef = %+v, %v, want ErrUserRef", got, err)
	}
}
