package auth_test

import (
	"errors"
	"testing"

	"github.com/triport/triport-console/internal/auth"
)

func TestCheckCSRF(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, second, foreign := f.ann.CSRF, f.ann2.CSRF, f.bob.CSRF
	one, both := []string{f.ann.Session}, []string{f.ann.Session, f.ann2.Session}
	for name, tt := range map[string]struct {
		sessions, headers, cookies []string
		want                       error
	}{
		"its own":                             {one, []string{token}, []string{token}, nil},
		"its own, the cookie twice":           {one, []string{token}, []string{token, token}, nil},
		"the first of two sessions'":          {both, []string{token}, []string{token}, nil},
		"the second of two sessions'":         {both, []string{second}, []string{second}, nil},
		"no header":                           {one, nil, []string{token}, auth.ErrCSRFMissing},
		"empty header":                        {one, []string{""}, []string{token}, auth.ErrCSRFMissing},
		"no header, no cookie":                {one, nil, nil, auth.ErrCSRFMissing},
		"empty header and cookie":             {one, []string{""}, []string{""}, auth.ErrCSRFMissing},
		"no cookie":                           {one, []string{token}, nil, auth.ErrCSRFInvalid},
		"empty cookie":                        {one, []string{token}, []string{""}, auth.ErrCSRFInvalid},
		"cookie differs":                      {one, []string{token}, []string{foreign}, auth.ErrCSRFInvalid},
		"header differs":                      {one, []string{foreign}, []string{token}, auth.ErrCSRFInvalid},
		"two cookies that differ":             {one, []string{token}, []string{token, foreign}, auth.ErrCSRFInvalid},
		"two cookies that differ, other way":  {one, []string{token}, []string{foreign, token}, auth.ErrCSRFInvalid},
		"two cookies, one empty":              {one, []string{token}, []string{token, ""}, auth.ErrCSRFInvalid},
		"header twice":                        {one, []string{token, token}, []string{token}, auth.ErrCSRFInvalid},
		"header twice, both empty":            {one, []string{"", ""}, []string{token}, auth.ErrCSRFInvalid},
		"header twice, one empty":             {one, []string{"", token}, []string{token}, auth.ErrCSRFInvalid},
		"another user's, header and cookie":   {one, []string{foreign}, []string{foreign}, auth.ErrCSRFInvalid},
		"of a session that was not presented": {one, []string{second}, []string{second}, auth.ErrCSRFInvalid},
		"the session token":                   {one, []string{f.ann.Session}, []string{f.ann.Session}, auth.ErrCSRFInvalid},
		"invented, header and cookie":         {one, []string{"x"}, []string{"x"}, auth.ErrCSRFInvalid},
		"a prefix":                            {one, []string{token[:42]}, []string{token[:42]}, auth.ErrCSRFInvalid},
		"with white space":                    {one, []string{token + " "}, []string{token + " "}, auth.ErrCSRFInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := auth.Authenticate(t.Context(), f.store, tt.sessions, noon)
			if err != nil {
				t.Fatal(err)
			}
			if err := id.CheckCSRF(tt.headers, tt.cookies); !errors.Is(err, tt.want) {
				t.Errorf("CheckCSRF = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestCSRFTokenOfAnExpiredSessionIsInvalid(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, err := auth.Authenticate(t.Context(), f.store, []string{f.expired.Session, f.ann.Session}, noon)
	if err != nil {
		t.Fatal(err)
	}
	csrf := []string{f.expired.CSRF}
	if err := id.CheckCSRF(csrf, csrf); !errors.Is(err, auth.ErrCSRFInvalid) {
		t.Errorf("CheckCSRF = %v, want ErrCSRFInvalid", err)
	}
}

func TestNoCSRFTokenIsValidWithoutASession(t *testing.T) {
	t.Parallel()
	zero := []string{""}
	if err := (auth.Identity{}).CheckCSRF([]string{"x"}, []string{"x"}); !errors.Is(err, auth.ErrCSRFInvalid) {
		t.Errorf("CheckCSRF = %v, want ErrCSRFInvalid", err)
	}
	if err := (auth.Identity{}).CheckCSRF(zero, zero); !errors.Is(err, auth.ErrCSRFMissing) {
		t.Errorf("CheckCSRF = %v, want ErrCSRFMissing", err)
	}
}
