package seed_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/triport/triport-console/bench/internal/seed"
	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// TestSeededStorePassesChecks runs the product's checks on the bulk inserts.
func TestSeededStorePassesChecks(t *testing.T) {
	t.Parallel()
	if err := seed.Register(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "triport.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	layout := seed.Layout{Attributed: 300, Fresh: 200, Sessions: 100}
	if err := seed.Fill(t.Context(), path, layout); err != nil {
		t.Fatal(err)
	}
	if store, err = sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.ReadWrite}); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	problems, err := store.Check(t.Context())
	if err != nil || len(problems) > 0 {
		t.Errorf("db check: %v %v", problems, err)
	}
	v, err := referral.Verify(store.Ledger(t.Context()))
	if err != nil || v.Attributions != layout.Attributed || v.Events != layout.Attributed || len(v.Differences) > 0 {
		t.Errorf("referral verify: %+v %v", v, err)
	}
	n := layout.FirstSession()
	session, err := store.FindSession(t.Context(), auth.HashToken(seed.Tokens(n).Session))
	if err != nil || session.UserID != seed.ID(n) {
		t.Errorf("the session of person %d: %+v %v", n, session, err)
	}
}

func TestIDsAreUUIDsOrderedByAge(t *testing.T) {
	t.Parallel()
	ids := make([]string, 100_000)
	for n := range ids {
		ids[n] = seed.ID(int64(n))
		if id, err := auth.NormalizeID(ids[n]); err != nil || id != ids[n] {
			t.Fatalf("%q is not a UUID", ids[n])
		}
	}
	if !slices.IsSorted(ids) {
		t.Error("they are not sorted")
	}
}
