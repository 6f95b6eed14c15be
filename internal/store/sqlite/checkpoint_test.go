package sqlite_test

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// importUsers adds n accounts in one transaction.
func importUsers(t testing.TB, s *sqlite.Store, n int) {
	t.Helper()
	users := make([]auth.ImportUser, n)
	for i := range users {
		id := uuid.NewString()
		users[i] = importOf(id, id+"@example.com")
	}
	if _, err := s.ImportUsers(t.Context(), users, nil, noon); err != nil {
		t.Fatal(err)
	}
}

func importOf(id, email string) auth.ImportUser {
	return auth.ImportUser{ID: id, UserChange: auth.UserChange{Email: &email}, CreatedAt: noon}
}

func TestWALStaysShort(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	for range 12 {
		importUsers(t, s, 400)
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const mb = 1 << 20
	if info.Size() > 8*mb {
		t.Errorf("the WAL is %d MB long", info.Size()/mb)
	}
	wantSound(t, s)
}

func TestWALHeldUpByReaderIsCopiedAfterwards(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	importUsers(t, s, 300)
	release := holdSnapshot(t, path)
	for range 4 {
		importUsers(t, s, 300)
	}
	release()
	importUsers(t, s, 300)
	before, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		importUsers(t, s, 300)
	}
	after, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > before.Size()+2<<20 {
		t.Errorf("the WAL went on growing, from %d to %d bytes", before.Size(), after.Size())
	}
}
