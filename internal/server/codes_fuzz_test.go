package server

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/referral"
)

// FuzzPickupValue compares the value that a query presents, and the cookie that is set from it, with the query parser
// of the standard library: a value that the parser decodes to another one is not a code here.
func FuzzPickupValue(f *testing.F) {
	f.Add("ref=summer-26")
	f.Add("a=b&ref=first&ref=second")
	f.Add("ref=caf%C3%A9&REF=abc")
	f.Add("ref=a+b;ref=abc")
	form := regexp.MustCompile(`^ref_code=[a-z0-9-]{3,32}; Path=/; `)
	s := New(Config{}, Deps{})
	f.Fuzz(func(t *testing.T, query string) {
		value := queryRef([]byte(query))
		i := slices.IndexFunc(strings.Split(query, "&"), func(pair string) bool {
			return pair == "ref" || strings.HasPrefix(pair, "ref=")
		})
		if i < 0 {
			if value != "" {
				t.Errorf("%q has no ref, but %q was found", query, value)
			}
			return
		}
		pair := strings.Split(query, "&")[i]
		if want := strings.TrimPrefix(strings.TrimPrefix(pair, "ref"), "="); value != want {
			t.Errorf("the ref of %q is %q, want %q", query, value, want)
		}
		code := referral.ParsePresentedCode(value)
		if !code.WellFormed {
			return
		}
		if decoded, err := url.QueryUnescape(value); err != nil || decoded != value {
			t.Errorf("%q is well-formed, but means %q", value, decoded)
		}
		if cookie := s.refCookie(code.Text, 0, false); !form.MatchString(cookie) {
			t.Errorf("%q becomes the cookie %q", value, cookie)
		}
	})
}

// FuzzPresentedCode checks that the first well-formed cookie of several counts, and that the first one is kept as
// malformed if there is none.
func FuzzPresentedCode(f *testing.F) {
	f.Add("café;  ABC ;def")
	f.Add(`"abc";`)
	f.Add(";abc")
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]$`)
	f.Fuzz(func(t *testing.T, values string) {
		cookies := strings.Split(values, ";")
		got := firstCode(cookies)
		for _, c := range cookies {
			if plain := strings.Trim(c, " \t\n\v\f\r"); form.MatchString(plain) {
				if want := (referral.PresentedCode{Text: strings.ToLower(plain), WellFormed: true}); got != want {
					t.Errorf("of %q, %+v was chosen", cookies, got)
				}
				return
			}
		}
		if got != referral.ParsePresentedCode(cookies[0]) || got.WellFormed {
			t.Errorf("%q became %+v, which is a valid code", cookies, got)
		}
		if empty := strings.Trim(cookies[0], " \t\n\v\f\r") == ""; (got.Text == "") != empty {
			t.Errorf("%q became %+v", cookies, got)
		}
	})
}
