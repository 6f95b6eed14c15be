package sqlite_test

import (
	"os"
	"testing"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// importPeople adds n accounts in one transaction.
func importPeople(t testing.TB, s *sqlite.Store, n int) {
	t.Helper()
	users := make([]auth.User, n)
	for i := range users {
		id := uuid.NewString()
		users[i] = auth.User{ID: id, Email: id + "@example.com", CreatedAt: noon}
	}
	if _, err := s.ImportUsers(t.Context(), users, nil); err != nil {
		t.Fatal(err)
	}
}

func TestTheLogStaysShort(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	for range 12 {
		importPeople(t, s, 400)
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const mb = 1 << 20
	if info.Size() > 8*mb {
		t.Errorf("the log is %d MB long", info.Size()/mb)
	}
	wantSound(t, s)
}

func TestALogThatAReaderHeldUpIsCopiedAfterwards(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	importPeople(t, s, 300)
	release := holdSnapshot(t, path)
	for range 4 {
		importPeople(t, s, 300)
	}
	release()
	importPeople(t, s, 300)
	before, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		importPeople(t, s, 300)
	}
	after, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() > before.Size()+2<<20 {
		t.Errorf("the log went on growing, from %d to %d bytes", before.Size(), after.Size())
	}
}
