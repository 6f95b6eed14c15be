package sqlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// noon is the time of the tests.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// newStore opens a new database in a directory of the test.
func newStore(t testing.TB) (*sqlite.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "triport.db")
	return reopen(t, path, sqlite.Create), path
}

func reopen(t testing.TB, path string, mode sqlite.Mode) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: mode})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return s
}

// user is an account of a test with its uid code.
type user struct {
	id, code string
}

func newUser(t testing.TB, s *sqlite.Store, name string) user {
	t.Helper()
	id := uuid.NewString()
	code, err := s.CreateUser(t.Context(), auth.User{ID: id, Email: name + "@example.com", DisplayName: name, CreatedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	return user{id, code.Code}
}

func newUsers(t testing.TB, s *sqlite.Store, n int) []user {
	t.Helper()
	all := make([]user, n)
	for i := range all {
		all[i] = newUser(t, s, fmt.Sprintf("user%d", i))
	}
	return all
}

// attempt is a live call by p presenting code.
func (p user) attempt(code string) referral.Attempt {
	return referral.Attempt{
		ID: uuid.NewString(), User: p.id, Code: referral.ParsePresentedCode(code), At: noon, RequestID: "req_0123456789abcdef", Source: referral.SourceLive,
	}
}

func attribute(t testing.TB, s *sqlite.Store, a referral.Attempt) referral.Outcome {
	t.Helper()
	o, err := s.Attribute(t.Context(), a, referral.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// wantSound fails the test unless the audit log and the table agree and the file is intact.
func wantSound(t testing.TB, s *sqlite.Store) referral.Verification {
	t.Helper()
	problems, err := s.Check(context.WithoutCancel(t.Context()))
	if err != nil || len(problems) > 0 {
		t.Errorf("check: %v %v", problems, err)
	}
	v, err := referral.Verify(s.Ledger(context.WithoutCancel(t.Context())))
	if err != nil || len(v.Differences) > 0 {
		t.Errorf("verify: %+v %v", v, err)
	}
	return v
}

func newSession(t testing.TB, s *sqlite.Store, userID string, ttl time.Duration) auth.Session {
	t.Helper()
	_, session, err := auth.NewSession(rand.Reader, userID, noon, ttl)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSessions(t.Context(), []auth.Session{session}); err != nil {
		t.Fatal(err)
	}
	return session
}
