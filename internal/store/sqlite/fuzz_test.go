package sqlite_test

import (
	"errors"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/triport/triport-console/internal/auth"
)

// FuzzFindUser compares the <user> of the command line with a plain reading: exactly one of an id, a
// code and an e-mail address, in any case, and never another user's.
func FuzzFindUser(f *testing.F) {
	s, _ := newStore(f)
	ann, bob := newUser(f, s, "ann"), newUser(f, s, "bob")
	if _, err := s.SetSlug(f.Context(), bob.id, "bobs-slug", noon); err != nil {
		f.Fatal(err)
	}
	names := strings.NewReplacer("{ann}", ann.id, "{bob}", bob.id, "{code}", ann.code)
	owner := map[string]string{
		ann.id: ann.id, bob.id: bob.id, ann.code: ann.id, bob.code: bob.id, "bobs-slug": bob.id,
		"ann@example.com": ann.id, "bob@example.com": bob.id,
	}
	for _, seed := range []string{"{ann}", "{code}", " Bobs-Slug\n", "ANN@example.com", "{bob}0", "%", "ann@example.com, bob@example.com", "' OR 1=1 --"} {
		f.Add(seed)
	}
	id := regexp.MustCompile(`^(id:)?[0-9A-Za-z_.:@|-]{1,128}$`)
	code := regexp.MustCompile(`^[ \t\n\v\f\r]*[0-9A-Za-z][0-9A-Za-z-]{1,30}[0-9A-Za-z][ \t\n\v\f\r]*$`)
	f.Fuzz(func(t *testing.T, ref string) {
		ref = names.Replace(ref)
		plain := strings.ToLower(strings.TrimSpace(ref))
		want, wantErr := owner[plain], error(nil)
		switch {
		case id.MatchString(ref), code.MatchString(ref), isAddress(plain) && utf8.ValidString(ref):
			if want == "" {
				wantErr = auth.ErrNotFound
			}
		default:
			want, wantErr = "", auth.ErrUserRef
		}
		u, err := findUser(t, s, ref)
		if u.ID != want || !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
			t.Errorf("%q names %q, %v, want %q, %v", ref, u.ID, err, want, wantErr)
		}
	})
}

// isAddress reports whether s is an e-mail address and nothing else.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, " \t\"")
}
