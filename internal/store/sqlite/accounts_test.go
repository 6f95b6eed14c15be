package sqlite_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestEveryUserHasAUIDCodeAlsoWhenItsShortFormIsTaken(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	squatter := newPerson(t, s, "squatter")
	id := uuid.NewString()
	if _, err := s.SetSlug(t.Context(), squatter.id, referral.UIDCode(id, referral.UIDCodeLength), noon); err != nil {
		t.Fatal(err)
	}
	code, err := s.CreateUser(t.Context(), auth.User{ID: id, Email: "ann@example.com", CreatedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	if want := referral.UIDCode(id, referral.UIDCodeLength+1); code.Code != want {
		t.Errorf("code %s instead of %s", code.Code, want)
	}
	wantSound(t, s)
}

func TestAUserIsFoundByIDEmailAndCode(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann := newPerson(t, s, "ann")
	for _, slug := range []string{"old-slug", "new-slug"} {
		if _, err := s.SetSlug(t.Context(), ann.id, slug, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range []string{ann.id, strings.ToUpper(ann.id), "ann@example.com", "Ann@Example.COM", ann.code, "old-slug", " NEW-slug "} {
		u, err := s.FindUser(t.Context(), ref)
		if err != nil || u.ID != ann.id {
			t.Errorf("%q: %+v %v", ref, u, err)
		}
	}
	for ref, want := range map[string]error{
		"nobody": auth.ErrNotFound, "bob@example.com": auth.ErrNotFound, uuid.NewString(): auth.ErrNotFound,
		"": sqlite.ErrUserRef, "two words": sqlite.ErrUserRef, "%41nn": sqlite.ErrUserRef,
	} {
		if _, err := s.FindUser(t.Context(), ref); !errors.Is(err, want) {
			t.Errorf("%q: %v instead of %v", ref, err, want)
		}
	}
}

func TestAnEmailAddressOrIDIsTakenOnce(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann := newPerson(t, s, "ann")
	for _, u := range []auth.User{
		{ID: uuid.NewString(), Email: "ann@example.com", CreatedAt: noon},
		{ID: ann.id, Email: "other@example.com", CreatedAt: noon},
	} {
		if _, err := s.CreateUser(t.Context(), u); !errors.Is(err, sqlite.ErrExists) {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

func TestDisablingKeepsTheFirstTime(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann := newPerson(t, s, "ann")
	for i := range 2 {
		u, err := s.DisableUser(t.Context(), ann.id, noon.Add(time.Duration(i)*time.Hour))
		if err != nil || !u.DisabledAt.Equal(noon) {
			t.Errorf("%+v %v", u, err)
		}
	}
	if _, err := s.DisableUser(t.Context(), uuid.NewString(), noon); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestUsersAreListedOldestFirst(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	var want []string
	for i := range 5 {
		name := fmt.Sprintf("user%d@example.com", i)
		want = append(want, name)
		_, err := s.CreateUser(t.Context(), auth.User{ID: uuid.NewString(), Email: name, CreatedAt: noon.Add(time.Duration(i) * time.Microsecond)})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for a, err := range s.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, a.User.Email); a.Code != referral.UIDCode(a.User.ID, referral.UIDCodeLength) {
			t.Errorf("code %q", a.Code)
		}
	}
	for range s.Users(t.Context()) {
		break // a reader that stops early gives its connection back
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImportTwiceIsOnce(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann := newPerson(t, s, "ann")
	users := []auth.User{
		{ID: uuid.NewString(), Email: "bob@example.com", DisplayName: "Bob", CreatedAt: noon},
		{Email: "carl@example.com", CreatedAt: noon},
		{Email: "ann@example.com", CreatedAt: noon},
		{ID: uuid.NewString(), Email: "ann@example.com", CreatedAt: noon},
		{ID: ann.id, Email: "elsewhere@example.com", CreatedAt: noon},
	}
	newID := func() (string, error) { return uuid.NewString(), nil }
	for round, created := range []bool{true, false} {
		got, err := s.ImportUsers(t.Context(), users, newID)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v.Created != (created && i < 2) || (v.Err != nil) != (i > 2) {
				t.Errorf("round %d, line %d: %+v", round, i, v)
			}
		}
	}
	wantSound(t, s)
}

func TestARevokedSessionIsSeenByOtherProcessesAtOnce(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	ann := newPerson(t, s, "ann")
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
	if _, err := other.DisableUser(t.Context(), ann.id, noon); err != nil {
		t.Fatal(err)
	}
	if got, err = s.FindSession(t.Context(), want.Token); err != nil || !got.UserDisabled {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := s.FindSession(t.Context(), auth.Hash{}); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestSessionsAreCreatedAllOrNone(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann := newPerson(t, s, "ann")
	_, good, err := auth.NewSession(rand.Reader, ann.id, noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, bad, err := auth.NewSession(rand.Reader, uuid.NewString(), noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateSessions(t.Context(), []auth.Session{good, bad}); err == nil {
		t.Error("a session of nobody was created")
	}
	if _, err := s.FindSession(t.Context(), good.Token); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestASlugStaysItsOwnersForEver(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	set := func(who person, slug string) error {
		_, err := s.SetSlug(t.Context(), who.id, slug, noon)
		return err
	}
	for i, step := range []struct {
		who  person
		slug string
		want error
	}{
		{ann, "ann", nil},
		{bob, "ann", referral.ErrTaken},
		{ann, "annie", nil},
		{bob, "ann", referral.ErrTaken}, // replaced, and still hers
		{ann, "ann", nil},               // taken back
		{ann, "ann", nil},
		{ann, "admin", referral.ErrReserved},
		{ann, bob.code, referral.ErrTaken},
		{ann, ann.code, referral.ErrPermanent},
	} {
		if err := set(step.who, step.slug); !errors.Is(err, step.want) {
			t.Errorf("step %d: %v instead of %v", i, err, step.want)
		}
	}
	if c, err := s.DisableSlug(t.Context(), ann.id, noon.Add(time.Hour)); err != nil || c.Code != "ann" || !c.DisabledAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v %v", c, err)
	}
	if _, err := s.DisableSlug(t.Context(), ann.id, noon); !errors.Is(err, sqlite.ErrNoSlug) {
		t.Error(err)
	}
	if err := set(bob, "ann"); !errors.Is(err, referral.ErrTaken) {
		t.Error(err)
	}
	codes, err := s.Codes(t.Context(), ann.id)
	if err != nil {
		t.Fatal(err)
	}
	want := []referral.Code{
		{Code: ann.code, Kind: referral.KindUID, UserID: ann.id, CreatedAt: noon},
		{Code: "ann", Kind: referral.KindCustom, UserID: ann.id, CreatedAt: noon, DisabledAt: noon.Add(time.Hour)},
		{Code: "annie", Kind: referral.KindCustom, UserID: ann.id, CreatedAt: noon, DisabledAt: noon},
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
	wantSound(t, s)
}
