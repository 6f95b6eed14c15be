package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

const (
	ann = "00000000-0000-4000-8000-00000000000a"
	bob = "00000000-0000-4000-8000-00000000000b"
	eve = "00000000-0000-4000-8000-00000000000e"
	dan = "00000000-0000-4000-8000-00000000000d"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// fixture is a store with users and their tokens: ann and bob, eve, who is disabled, and dan, whose sessions are
// revoked.
type fixture struct {
	store                                 *sqlite.Store
	ann, ann2, expired, bob, eve, revoked auth.Tokens
	unknown                               string
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "triport.db"), sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	for id, email := range map[string]string{ann: "ann@example.com", bob: "bob@example.com", eve: "eve@example.com", dan: "dan@example.com"} {
		if _, err := store.CreateUser(t.Context(), auth.User{ID: id, Email: email, CreatedAt: noon}); err != nil {
			t.Fatal(err)
		}
	}
	signIn := func(userID string, ttl time.Duration) auth.Tokens {
		tokens, session, err := auth.NewSession(rand.Reader, userID, noon.Add(-time.Hour), ttl)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.CreateSessions(t.Context(), []auth.Session{session}); err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	f := fixture{
		store: store,
		ann:   signIn(ann, time.Hour+time.Microsecond), ann2: signIn(ann, 2*time.Hour), expired: signIn(ann, time.Hour),
		bob: signIn(bob, 2*time.Hour), eve: signIn(eve, 2*time.Hour), revoked: signIn(dan, 2*time.Hour),
		unknown: strings.Repeat("A", 43),
	}
	if _, _, err := store.DisableUser(t.Context(), eve, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RevokeSessions(t.Context(), dan, noon); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, tt := range map[string]struct {
		cookies []string
		want    string // the user's id; empty: unauthenticated
	}{
		"valid, to the last microsecond":       {[]string{f.ann.Session}, ann},
		"expires now":                          {[]string{f.expired.Session}, ""},
		"revoked":                              {[]string{f.revoked.Session}, ""},
		"of a disabled user":                   {[]string{f.eve.Session}, ""},
		"unknown":                              {[]string{f.unknown}, ""},
		"no cookie":                            {nil, ""},
		"empty":                                {[]string{""}, ""},
		"quoted":                               {[]string{`"` + f.ann.Session + `"`}, ""},
		"with white space":                     {[]string{" " + f.ann.Session}, ""},
		"too long":                             {[]string{f.ann.Session + "A"}, ""},
		"truncated":                            {[]string{f.ann.Session[:42]}, ""},
		"the CSRF token":                       {[]string{f.ann.CSRF}, ""},
		"the same twice":                       {[]string{f.ann.Session, f.ann.Session}, ann},
		"two of one user":                      {[]string{f.ann.Session, f.ann2.Session}, ann},
		"valid and expired":                    {[]string{f.expired.Session, f.ann.Session}, ann},
		"valid and garbage":                    {[]string{"garbage", f.ann.Session, f.unknown}, ann},
		"valid and a disabled user's":          {[]string{f.eve.Session, f.ann.Session}, ann},
		"valid and another user's revoked one": {[]string{f.ann.Session, f.revoked.Session}, ann},
		"of two users":                         {[]string{f.ann.Session, f.bob.Session}, ""},
		"of two users, the first twice":        {[]string{f.ann.Session, f.ann2.Session, f.bob.Session}, ""},
		"another user's and an expired one":    {[]string{f.expired.Session, f.bob.Session}, bob},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := auth.Authenticate(t.Context(), f.store, tt.cookies, noon)
			if tt.want == "" {
				if !errors.Is(err, auth.ErrUnauthenticated) || id.UserID != "" {
					t.Errorf("Authenticate = %+v, %v, want ErrUnauthenticated", id.UserID, err)
				}
				return
			}
			if err != nil || id.UserID != tt.want {
				t.Errorf("Authenticate = %+v, %v, want %s", id.UserID, err, tt.want)
			}
		})
	}
}

func TestRevokedSessionIsRejectedOnNextRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, tt := range map[string]struct {
		cookie string
		end    func() error
	}{
		"revoked":  {f.ann.Session, func() error { _, err := f.store.RevokeSessions(t.Context(), ann, noon); return err }},
		"disabled": {f.bob.Session, func() error { _, _, err := f.store.DisableUser(t.Context(), bob, noon); return err }},
	} {
		if _, err := auth.Authenticate(t.Context(), f.store, []string{tt.cookie}, noon); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		if err := tt.end(); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Authenticate(t.Context(), f.store, []string{tt.cookie}, noon); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%s: Authenticate = %v, want ErrUnauthenticated", name, err)
		}
	}
}

// recorder is a store that records lookups and fails for some sessions.
type recorder struct {
	auth.SessionStore
	failing []auth.Hash
	lookups []auth.Hash
}

var errStore = errors.New("the store failed")

func (w *recorder) FindSession(ctx context.Context, token auth.Hash) (auth.Session, error) {
	w.lookups = append(w.lookups, token)
	if slices.Contains(w.failing, token) {
		return auth.Session{}, errStore
	}
	return w.SessionStore.FindSession(ctx, token)
}

func TestFailedLookupIsNotUnauthenticated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	failing := []auth.Hash{auth.HashToken(f.bob.Session)}
	for name, cookies := range map[string][]string{
		"alone":                   {f.bob.Session},
		"after a valid one":       {f.ann.Session, f.bob.Session},
		"before a valid one":      {f.bob.Session, f.ann.Session},
		"and garbage":             {"garbage", f.unknown, f.bob.Session},
		"after an expired one":    {f.expired.Session, f.bob.Session},
		"after a disabled user's": {f.eve.Session, f.bob.Session},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id, err := auth.Authenticate(t.Context(), &recorder{SessionStore: f.store, failing: failing}, cookies, noon)
			if !errors.Is(err, errStore) || errors.Is(err, auth.ErrUnauthenticated) || id.UserID != "" {
				t.Errorf("Authenticate = %+v, %v, want %v", id.UserID, err, errStore)
			}
		})
	}
}

func TestClosedStoreIsNotUnauthenticated(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := auth.Authenticate(t.Context(), f.store, []string{f.ann.Session}, noon)
	if err == nil || errors.Is(err, auth.ErrUnauthenticated) || strings.Contains(err.Error(), f.ann.Session) {
		t.Errorf("Authenticate = %v, want an error of the store", err)
	}
}

func TestMalformedTokensAreNotLookedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &recorder{SessionStore: f.store}
	cookies := []string{"", "garbage", strings.Repeat("=", 43), strings.Repeat("\u00e9", 21) + "a", f.ann.Session, f.ann.Session}
	if _, err := auth.Authenticate(t.Context(), w, cookies, noon); err != nil {
		t.Fatal(err)
	}
	diff(t, "lookups", []auth.Hash{auth.HashToken(f.ann.Session)}, w.lookups)
}

func TestAtMostEightSessionCookiesAreLookedUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	unknown := make([]string, 300)
	for i := range unknown {
		unknown[i] = fmt.Sprintf("%043d", i)
	}
	for _, tt := range []struct {
		name    string
		cookies []string
		lookups int
		want    error
	}{
		{"hundreds", unknown, 8, auth.ErrUnauthenticated},
		{"the eighth is valid", append(unknown[:7:7], f.ann.Session), 8, nil},
		{"the ninth is valid", append(unknown[:8:8], f.ann.Session), 8, auth.ErrUnauthenticated},
		{"the ninth is another user's", append(append(unknown[:7:7], f.ann.Session), f.bob.Session), 8, nil},
		{"repeated and malformed ones do not count", append(slices.Repeat([]string{f.unknown, "garbage"}, 9), f.ann.Session), 2, nil},
	} {
		w := &recorder{SessionStore: f.store}
		_, err := auth.Authenticate(t.Context(), w, tt.cookies, noon)
		if len(w.lookups) != tt.lookups || !errors.Is(err, tt.want) {
			t.Errorf("%s: %d lookups and %v, want %d and %v", tt.name, len(w.lookups), err, tt.lookups, tt.want)
		}
	}
}
