package sqlite_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// BenchmarkAttribute compares batched commits with the baseline of one transaction an attempt, both
// with 64 callers that wait for their answer, on the disk under TMPDIR.
func BenchmarkAttribute(b *testing.B) {
	for _, batch := range []int{1, 256} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "triport.db"), sqlite.Options{Mode: sqlite.Create, BatchSize: batch})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			referrer := newUser(b, s, "referrer")
			invitees := importMany(b, s, b.N)
			var next atomic.Int64
			b.SetParallelism(32) // times two cores: 64 callers
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					a := user{id: invitees[next.Add(1)-1]}.attempt(referrer.code)
					if o, err := s.Attribute(b.Context(), a, referral.Rules{}); err != nil || !o.Attributed {
						b.Errorf("%+v %v", o, err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "attributions/s")
		})
	}
}

// BenchmarkFindSession looks up one session after the other, each on its own.
func BenchmarkFindSession(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "triport.db"), sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p := newUser(b, s, "user")
	_, session, err := auth.NewSession(rand.Reader, p.id, noon, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.CreateSessions(b.Context(), []auth.Session{session}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.FindSession(b.Context(), session.Token); err != nil {
			b.Fatal(err)
		}
	}
}

func importMany(b *testing.B, s *sqlite.Store, n int) []string {
	b.Helper()
	ids := make([]string, 0, n)
	for len(ids) < n {
		users := make([]auth.ImportUser, min(500, n-len(ids)))
		for i := range users {
			id := uuid.Must(uuid.NewV7()).String()
			users[i] = importOf(id, id+"@example.com")
			ids = append(ids, id)
		}
		if _, err := s.ImportUsers(b.Context(), users, nil, noon); err != nil {
			b.Fatal(err)
		}
	}
	return ids
}

// BenchmarkFindSessionParallel looks up one session for 64 callers at once.
func BenchmarkFindSessionParallel(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "triport.db"), sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	session := newSession(b, s, newUser(b, s, "ann").id, time.Hour)
	b.SetParallelism(32) // times two cores: 64 callers
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.FindSession(b.Context(), session.Token); err != nil {
				b.Error(err)
			}
		}
	})
}
