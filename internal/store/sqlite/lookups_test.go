package sqlite_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
)

func TestLookUpsAtOnceEachFindTheirOwnSession(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	all := people(t, s, 20)
	sessions := make([]auth.Session, len(all))
	for i, p := range all {
		sessions[i] = newSession(t, s, p.id, time.Hour)
	}
	var wg sync.WaitGroup
	for range 20 {
		for _, want := range sessions {
			wg.Go(func() {
				got, err := s.FindSession(t.Context(), want.Token)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Error(diff, err)
				}
			})
			wg.Go(func() {
				if _, err := s.FindSession(t.Context(), want.CSRF); !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("a token of nobody: %v", err)
				}
			})
		}
	}
	wg.Wait()
}

func TestALookUpWaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	session := newSession(t, s, newPerson(t, s, "ann").id, time.Hour)
	release := s.HoldReadersForTest()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.FindSession(ctx, session.Token); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the disk hangs, and yet: %v", err)
	}
	release()
	if _, err := s.FindSession(t.Context(), session.Token); err != nil {
		t.Errorf("the disk is well again: %v", err)
	}
}
