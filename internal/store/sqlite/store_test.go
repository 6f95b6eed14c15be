package sqlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// noon is the tests' present.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// openStore opens a new database in a folder of the test's own.
func openStore(t testing.TB) (*sqlite.Store, string) {
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

// person is an account of a test with its uid code.
type person struct {
	id, code string
}

func newPerson(t testing.TB, s *sqlite.Store, name string) person {
	t.Helper()
	id := uuid.NewString()
	code, err := s.CreateUser(t.Context(), auth.User{ID: id, Email: name + "@example.com", DisplayName: name, CreatedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	return person{id, code.Code}
}

func people(t testing.TB, s *sqlite.Store, n int) []person {
	t.Helper()
	all := make([]person, n)
	for i := range all {
		all[i] = newPerson(t, s, fmt.Sprintf("user%d", i))
	}
	return all
}

// attempt is a live call by p presenting code.
func (p person) attempt(code string) referral.Attempt {
	return referral.Attempt{
		ID: uuid.NewString(), User: p.id, Code: code, At: noon, RequestID: "req_0123456789abcdef", Source: referral.SourceLive,
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

// wantSound fails the test unless the log and the table agree and the file is whole.
func wantSound(t testing.TB, s *sqlite.Store) referral.Verification {
	t.Helper()
	problems, err := s.Check(context.WithoutCancel(t.Context()))
	if err != nil || len(problems) > 0 {
		t.Errorf("check: %v %v", problems, err)
	}
	v, err := referral.Verify(context.WithoutCancel(t.Context()), s)
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
