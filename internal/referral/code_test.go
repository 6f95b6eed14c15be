package referral

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseCodeReturnsTheCanonicalForm(t *testing.T) {
	t.Parallel()
	for presented, want := range map[string]string{
		"abc":                               "abc",
		"summer-26":                         "summer-26",
		"a-b":                               "a-b",
		"a--b":                              "a--b",
		"000":                               "000",
		"SummerSALE":                        "summersale",
		" \t\r\n\v\fabc \t\r\n\v\f":         "abc",
		strings.Repeat("a", 32):             strings.Repeat("a", 32),
		" " + strings.Repeat("Z", 32) + " ": strings.Repeat("z", 32),
	} {
		got, err := ParseCode(presented)
		if got != want || err != nil {
			t.Errorf("ParseCode(%q) = %q, %v, want %q", presented, got, err, want)
		}
		if got := ParsePresentedCode(presented); got != (PresentedCode{want, true}) {
			t.Errorf("ParsePresentedCode(%q) = %+v, want %q", presented, got, want)
		}
	}
}

// notCodes are malformed values and their stored form.
var notCodes = map[string]string{
	"":                                   "",
	"   ":                                "",
	"ab":                                 "ab",
	" ab ":                               "ab",
	strings.Repeat("a", 33):              strings.Repeat("a", 33),
	strings.Repeat("a", 65):              strings.Repeat("a", 64),
	"-abc":                               "-abc",
	"abc-":                               "abc-",
	"---":                                "---",
	"a b":                                `a\x20b`,
	"a_b":                                "a_b",
	"a.b":                                "a.b",
	"a+b":                                "a+b",
	"a%62c":                              "a%62c",
	"abc%20":                             "abc%20",
	`"abc"`:                              `"abc"`,
	"'abc'":                              "'abc'",
	"caf\u00e9":                          `caf\xc3\xa9`,
	"\uff41\uff42\uff43":                 `\xef\xbd\x81\xef\xbd\x82\xef\xbd\x83`, // full-width abc
	"\u212aelvin":                        `\xe2\x84\xaaelvin`,                    // folds to kelvin
	"\u00a0abc":                          `\xc2\xa0abc`,                          // white space, but not of ASCII
	"abc\x00":                            `abc\x00`,
	"abc\x7f":                            `abc\x7f`,
	"\xff\xfe\xfd":                       `\xff\xfe\xfd`,
	"\x1b[31mred":                        `\x1b[31mred`,
	`abc\x20`:                            `abc\x20`,
	strings.Repeat("\u00e9", 40):         strings.Repeat(`\xc3\xa9`, 32),
	strings.Repeat(`\xc3\xa9`, 32):       strings.Repeat(`\xc3\xa9`, 32),
	strings.Repeat("a", 63) + `\xc3\xa9`: strings.Repeat("a", 63) + `\xc3`,
	strings.Repeat("a", 63) + `\xC3`:     strings.Repeat("a", 63) + `\`,
}

func TestParseCodeRejectsMalformedValues(t *testing.T) {
	t.Parallel()
	for presented := range notCodes {
		if got, err := ParseCode(presented); got != "" || !errors.Is(err, errCode) {
			t.Errorf("ParseCode(%q) = %q, %v, want errCode", presented, got, err)
		}
	}
}

func TestMalformedCodeIsTruncatedAndEscaped(t *testing.T) {
	t.Parallel()
	for presented, want := range notCodes {
		if got := ParsePresentedCode(presented); got != (PresentedCode{Text: want}) {
			t.Errorf("ParsePresentedCode(%q) = %+v, want %q", presented, got, want)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	for presented := range notCodes {
		f.Add(presented)
	}
	f.Add(" SummerSALE-26\n")
	grammar := regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{1,30}[0-9A-Za-z]$`)
	f.Fuzz(func(t *testing.T, presented string) {
		code, err := ParseCode(presented)
		if plain := grammar.MatchString(strings.Trim(presented, " \t\n\v\f\r")); plain != (err == nil) {
			t.Errorf("ParseCode(%q) = %v, but the grammar says well-formed: %t", presented, err, plain)
		}
		if err != nil {
			if code != "" || !errors.Is(err, errCode) {
				t.Errorf("ParseCode(%q) = %q, %v", presented, code, err)
			}
			return
		}
		if again, err := ParseCode(code); again != code || err != nil {
			t.Errorf("ParseCode(%q) = %q, which parses to %q, %v", presented, code, again, err)
		}
		if !strings.EqualFold(strings.TrimSpace(presented), code) {
			t.Errorf("ParseCode(%q) = %q: more was changed than space and case", presented, code)
		}
		if len(code) < minCodeLength || len(code) > MaxCodeLength || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("ParseCode(%q) = %q, which is no code", presented, code)
		}
	})
}

func FuzzParsePresentedCode(f *testing.F) {
	for presented := range notCodes {
		f.Add(presented)
	}
	f.Add(strings.Repeat("a", 62) + `\x\x0`)
	f.Fuzz(func(t *testing.T, presented string) {
		code := ParsePresentedCode(presented)
		if _, err := ParseCode(presented); code.WellFormed != (err == nil) {
			t.Errorf("ParsePresentedCode(%q) = %+v, ParseCode: %v", presented, code, err)
		}
		if again := ParsePresentedCode(code.Text); again != code {
			t.Errorf("ParsePresentedCode(%q) = %+v, and of that %+v", presented, code, again)
		}
		if len(code.Text) > 256 || !isPrintable(code.Text) || !utf8.ValidString(code.Text) {
			t.Errorf("ParsePresentedCode(%q) = %+v: too long or not printable", presented, code)
		}
	})
}

func TestUIDCodeOfAnIDNeverChanges(t *testing.T) {
	t.Parallel()
	const longest = "3b9ntr4dtytjm4aywheh6c7nyt9jfgd3"
	for n := UIDCodeLength; n <= MaxCodeLength; n++ {
		code := UIDCode(ann, n)
		if code != longest[:n] {
			t.Errorf("UIDCode(%s, %d) = %q, want %q", ann, n, code, longest[:n])
		}
		if canonical, err := ParseCode(code); canonical != code || err != nil {
			t.Errorf("UIDCode(%s, %d) = %q is no code: %v", ann, n, code, err)
		}
	}
	if UIDCode(ann, UIDCodeLength) == UIDCode(bob, UIDCodeLength) {
		t.Error("two users have the same code")
	}
}

func FuzzUIDCode(f *testing.F) {
	f.Add(ann)
	f.Add("")
	f.Fuzz(func(t *testing.T, userID string) {
		code := UIDCode(userID, MaxCodeLength)
		if strings.Trim(code, "0123456789abcdefghjkmnpqrstvwxyz") != "" || len(code) != MaxCodeLength {
			t.Errorf("UIDCode(%q) = %q", userID, code)
		}
	})
}

func TestCheckSlug(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		slug     string
		existing *Code
		want     error
	}{
		"free":                        {"summer-26", nil, nil},
		"own":                         {"summer-26", &Code{UserID: ann, Kind: KindCustom}, nil},
		"own, disabled":               {"summer-26", &Code{UserID: ann, Kind: KindCustom, DisabledAt: noon}, nil},
		"own uid code":                {"3b9ntr4dty", &Code{UserID: ann, Kind: KindUID}, ErrPermanent},
		"another's":                   {"summer-26", &Code{UserID: bob, Kind: KindCustom}, ErrTaken},
		"another's, disabled":         {"summer-26", &Code{UserID: bob, Kind: KindCustom, DisabledAt: noon}, ErrTaken},
		"another's uid code":          {"3b9ntr4dty", &Code{UserID: bob, Kind: KindUID}, ErrTaken},
		"reserved":                    {"admin", nil, ErrReserved},
		"reserved, own":               {"admin", &Code{UserID: ann, Kind: KindCustom}, ErrReserved},
		"begins with a reserved word": {"admin-26", nil, nil},
		"reserved, another's":         {"www", &Code{UserID: bob, Kind: KindCustom}, ErrReserved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := CheckSlug(tt.slug, ann, tt.existing); !errors.Is(err, tt.want) {
				t.Errorf("CheckSlug = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestReservedSlugsAreWellFormed(t *testing.T) {
	t.Parallel()
	for word := range strings.FieldsSeq(reservedSlugs) {
		if code, err := ParseCode(word); code != word || err != nil {
			t.Errorf("%q is reserved and could never be a slug: %v", word, err)
		}
	}
	for _, word := range []string{"admin", "api", "www", "support", "triport"} {
		if !errors.Is(CheckSlug(word, ann, nil), ErrReserved) {
			t.Errorf("%q is not reserved", word)
		}
	}
}

// isPrintable reports whether s is printable ASCII without white space.
func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
