package referral_test

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

const (
	ann = "00000000-0000-4000-8000-00000000000a"
	bob = "00000000-0000-4000-8000-00000000000b"
	eve = "00000000-0000-4000-8000-00000000000e"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// openStore opens a new database with ann, bob and eve in it.
func openStore(t *testing.T) (s *sqlite.Store, database string) {
	t.Helper()
	database = filepath.Join(t.TempDir(), "triport.db")
	s, err := sqlite.Open(t.Context(), database, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	for id, email := range map[string]string{ann: "ann@example.com", bob: "bob@example.com", eve: "eve@example.com"} {
		if _, err := s.CreateUser(t.Context(), auth.User{ID: id, Email: email, CreatedAt: noon.Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	return s, database
}

// closedStore returns a store that fails whatever it is asked, and its database.
func closedStore(t *testing.T) (s *sqlite.Store, database string) {
	t.Helper()
	s, database = openStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s, database
}

// codeOf returns the uid code of a user.
func codeOf(userID string) string { return referral.UIDCode(userID, referral.UIDCodeLength) }

// call returns the live attempt of ann with that id.
func call(id, code string) referral.Attempt {
	return referral.Attempt{ID: id, User: ann, Code: code, At: noon, RequestID: "req_" + id, Source: referral.SourceLive}
}

// changeable is a store that another takes the place of at a moment of the test's choice.
type changeable struct{ store atomic.Pointer[sqlite.Store] }

func (c *changeable) Attribute(ctx context.Context, a referral.Attempt, r referral.Rules) (referral.Outcome, error) {
	return c.store.Load().Attribute(ctx, a, r)
}

func (c *changeable) Replay(ctx context.Context, attempts []referral.Attempt, r referral.Rules) ([]referral.Verdict, error) {
	return c.store.Load().Replay(ctx, attempts, r)
}

// late is a store that commits an attempt and answers after its caller has given up.
type late struct{ *sqlite.Store }

func (l late) Attribute(ctx context.Context, a referral.Attempt, r referral.Rules) (referral.Outcome, error) {
	if _, err := l.Store.Attribute(context.WithoutCancel(ctx), a, r); err != nil {
		return referral.Outcome{}, err
	}
	<-ctx.Done()
	return referral.Outcome{}, ctx.Err()
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func pending(t *testing.T, s *spool.Spool) int {
	t.Helper()
	n, err := s.Pending(t.Context(), func(referral.Attempt) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return n
}
