package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/auth"
)

// FuzzCheckCSRF compares the rule with a second implementation. Headers and cookies are separated by blanks. A and B
// are ann's two tokens, C is bob's. presented selects the sessions of the request.
func FuzzCheckCSRF(f *testing.F) {
	f.Add("A", "A", uint8(0))
	f.Add("B", "B B", uint8(2))
	f.Add("A A", "A", uint8(0))
	f.Add("A", "A B", uint8(2))
	f.Add("C", "C", uint8(2))
	f.Add(" ", "A", uint8(0))
	fix := newFixture(f)
	secrets := strings.NewReplacer("A", fix.ann.CSRF, "B", fix.ann2.CSRF, "C", fix.bob.CSRF)
	split := func(values string) []string {
		if values == "" {
			return nil
		}
		return strings.Split(secrets.Replace(values), " ")
	}
	f.Fuzz(func(t *testing.T, headers, cookies string, presented uint8) {
		sessions := [][]string{{fix.ann.Session}, {fix.ann2.Session}, {fix.ann.Session, fix.ann2.Session}}[presented%3]
		own := [][]string{{fix.ann.CSRF}, {fix.ann2.CSRF}, {fix.ann.CSRF, fix.ann2.CSRF}}[presented%3]
		id, err := auth.Authenticate(t.Context(), fix.store, sessions, noon)
		if err != nil {
			t.Fatal(err)
		}
		sent, kept := split(headers), split(cookies)
		var want error
		switch {
		case len(sent) == 0 || slices.Equal(sent, []string{""}):
			want = auth.ErrCSRFMissing
		case len(sent) > 1 || len(kept) == 0 || !slices.Contains(own, sent[0]) ||
			slices.ContainsFunc(kept, func(c string) bool { return c != sent[0] }):
			want = auth.ErrCSRFInvalid
		}
		if got := id.CheckCSRF(sent, kept); !errors.Is(got, want) || (want == nil) != (got == nil) {
			t.Errorf("headers %q, cookies %q: %v, want %v", headers, cookies, got, want)
		}
	})
}

// FuzzAuthenticate checks that cookies, separated by blanks, must contain valid sessions of one user. A and B are
// ann's, C is bob's, E is ann's expired session.
func FuzzAuthenticate(f *testing.F) {
	for _, seed := range []string{"A", "A B", "A C", "E", "E A", "x A A", ""} {
		f.Add(seed)
	}
	fix := newFixture(f)
	secrets := strings.NewReplacer("A", fix.ann.Session, "B", fix.ann2.Session, "C", fix.bob.Session, "E", fix.expired.Session)
	f.Fuzz(func(t *testing.T, cookies string) {
		presented := strings.Split(secrets.Replace(cookies), " ")
		isAnn := slices.Contains(presented, fix.ann.Session) || slices.Contains(presented, fix.ann2.Session)
		isBob := slices.Contains(presented, fix.bob.Session)
		_, err := auth.Authenticate(t.Context(), fix.store, presented, noon)
		if signedIn := isAnn != isBob; signedIn != (err == nil) || !signedIn && !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q: ann's %t, bob's %t, and the answer is %v", cookies, isAnn, isBob, err)
		}
	})
}
