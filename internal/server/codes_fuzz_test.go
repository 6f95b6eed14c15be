package server

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/referral"
)

// FuzzPickupValue holds the value that a page's query or path presents, and what is planted of it,
// against the query parser of the standard library: whatever that one decodes is no code here.
func FuzzPickupValue(f *testing.F) {
	f.Add("ref=summer-26")
	f.Add("a=b&ref=first&ref=second")
	f.Add("ref=caf%C3%A9&REF=abc")
	f.Add("ref=a+b;ref=abc")
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
		if !wellFormed(value) {
			return
		}
		if decoded, err := url.QueryUnescape(value); err != nil || decoded != value {
			t.Errorf("%q is planted, but means %q", value, decoded)
		}
		cookie := Cookie{Name: RefCookie, Value: referral.Canonical(value)}.String()
		if !plantedForm.MatchString(cookie) {
			t.Errorf("%q is planted as %q", value, cookie)
		}
	})
}

var plantedForm = regexp.MustCompile(`^ref_code=[a-z0-9-]{3,32}; Path=/; `)

// FuzzPresentedCode demands of several cookies that the first well-formed one counts, and that without
// one the first is kept, malformed as it was.
func FuzzPresentedCode(f *testing.F) {
	f.Add("café;  ABC ;def")
	f.Add(`"abc";`)
	f.Add(";abc")
	form := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]$`)
	f.Fuzz(func(t *testing.T, values string) {
		cookies := strings.Split(values, ";")
		got := presentedCode(cookies)
		for _, c := range cookies {
			if plain := strings.Trim(c, " \t\n\v\f\r"); form.MatchString(plain) {
				if got != strings.ToLower(plain) {
					t.Errorf("of %q, %q was chosen", cookies, got)
				}
				return
			}
		}
		if wellFormed(got) {
			t.Errorf("%q became %q, which is somebody's", cookies, got)
		}
		if empty := strings.Trim(cookies[0], " \t\n\v\f\r") == ""; (got == "") != empty {
			t.Errorf("%q became %q", cookies, got)
		}
	})
}
