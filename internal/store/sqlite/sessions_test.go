package sqlite_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestConcurrentLookupsFindTheirOwnSessions(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	all := newUsers(t, s, 20)
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
					t.Errorf("an unknown token: %v", err)
				}
			})
		}
	}
	wg.Wait()
}

func TestLookupEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	session := newSession(t, s, newUser(t, s, "ann").id, time.Hour)
	release := s.HoldReaders()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.FindSession(ctx, session.Token); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the disk hangs: %v", err)
	}
	release()
	if _, err := s.FindSession(t.Context(), session.Token); err != nil {
		t.Errorf("the disk answers again: %v", err)
	}
}

func TestRevokedSessionIsSeenByOtherProcessesAtOnce(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann := newUser(t, s, "ann")
	want := newSession(t, s, ann.id, time.Hour)
	got, err := s.FindSession(t.Context(), want.Token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(auth.Session{})); diff != "" {
		t.Error(diff)
	}
	other := reopen(t, path, sqlite.ReadWrite)
	for _, n := range []int64{1, 0} {
		if revoked, err := other.RevokeSessions(t.Context(), ann.id, noon); err != nil || revoked != n {
			t.Errorf("revoked %d instead of %d: %v", revoked, n, err)
		}
	}
	if got, err = s.FindSession(t.Context(), want.Token); err != nil || got.RevokedAt.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	disabled := newSession(t, s, ann.id, time.Hour)
	if _, revoked, err := other.DisableUser(t.Context(), ann.id, noon); err != nil || revoked != 1 {
		t.Fatal(revoked, err)
	}
	if got, err = s.FindSession(t.Context(), disabled.Token); err != nil || got.RevokedAt.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := s.FindSession(t.Context(), auth.Hash{}); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestExpiredSessionsAreRevokedToo(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	expired := newSession(t, s, ann.id, time.Hour)
	newSession(t, s, ann.id, 3*time.Hour)
	for _, n := range []int64{2, 0} {
		if revoked, err := s.RevokeSessions(t.Context(), ann.id, noon.Add(2*time.Hour)); err != nil || revoked != n {
			t.Errorf("revoked %d instead of %d: %v", revoked, n, err)
		}
	}
	if got, err := s.FindSession(t.Context(), expired.Token); err != nil || got.RevokedAt.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSessionsAreCreatedAllOrNone(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	_, good, err := auth.NewSession(rand.Reader, ann.id, noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, bad, err := auth.NewSession(rand.Reader, uuid.NewString(), noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSessions(t.Context(), []auth.Session{good, bad}); err == nil {
		t.Error("a session of an unknown user was created")
	}
	if _, err := s.FindSession(t.Context(), good.Token); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestDisabledUserGetsNoSession(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	if _, _, err := s.DisableUser(t.Context(), ann.id, noon); err != nil {
		t.Fatal(err)
	}
	_, session, err := auth.NewSession(rand.Reader, ann.id, noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSessions(t.Context(), []auth.Session{session}); !errors.Is(err, auth.ErrDisabled) {
		t.Error(err)
	}
}
