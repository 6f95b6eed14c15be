package sqlite_test

import (
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

func TestUIDCodeIsLongerIfItsShortFormIsTaken(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	squatter := newUser(t, s, "squatter")
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

func TestFindUserByIDEmailAndCode(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	for _, slug := range []string{"old-slug", "new-slug"} {
		if _, err := s.SetSlug(t.Context(), ann.id, slug, noon); err != nil {
			t.Fatal(err)
		}
	}
	for _, ref := range []string{ann.id, strings.ToUpper(ann.id), "ann@example.com", "Ann@Example.COM", ann.code, "old-slug", " NEW-slug "} {
		u, err := findUser(t, s, ref)
		if err != nil || u.ID != ann.id {
			t.Errorf("%q: %+v %v", ref, u, err)
		}
	}
	for ref, want := range map[string]error{
		"unknown": auth.ErrNotFound, "bob@example.com": auth.ErrNotFound, uuid.NewString(): auth.ErrNotFound,
		"": auth.ErrUserRef, "two words": auth.ErrUserRef, "%41nn": auth.ErrUserRef,
	} {
		if _, err := findUser(t, s, ref); !errors.Is(err, want) {
			t.Errorf("%q: %v instead of %v", ref, err, want)
		}
	}
}

// TestUserIsFoundOnlyByItsOwnEmail has addresses that are equal in Unicode's lower case. The last one is stored as earlier
// versions stored Élise@example.com.
func TestUserIsFoundOnlyByItsOwnEmail(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ids := make(map[string]string)
	for _, email := range []string{"kate@example.com", "\u212aate@example.com", "\u00e9lise@example.com"} {
		ids[email] = uuid.NewString()
		if _, err := s.CreateUser(t.Context(), auth.User{ID: ids[email], Email: email, CreatedAt: noon}); err != nil {
			t.Fatalf("%q: %v", email, err)
		}
	}
	for ref, email := range map[string]string{
		"KATE@example.com": "kate@example.com", "\u212aATE@example.com": "\u212aate@example.com", "\u00e9LISE@example.com": "\u00e9lise@example.com",
	} {
		if u, err := findUser(t, s, ref); err != nil || u.ID != ids[email] {
			t.Errorf("%q: %+v %v", ref, u, err)
		}
	}
	if u, err := findUser(t, s, "\u00c9lise@example.com"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("%+v %v, want ErrNotFound", u, err)
	}
	wantSound(t, s)
}

// findUser finds the user that a person names.
func findUser(t testing.TB, s *sqlite.Store, text string) (auth.User, error) {
	t.Helper()
	ref, err := auth.ParseUserRef(text, referral.ParseCode)
	if err != nil {
		return auth.User{}, err
	}
	return s.FindUser(t.Context(), ref)
}

func TestCreateUserRejectsTakenEmailOrID(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	for _, u := range []auth.User{
		{ID: uuid.NewString(), Email: "ann@example.com", CreatedAt: noon},
		{ID: ann.id, Email: "other@example.com", CreatedAt: noon},
	} {
		if _, err := s.CreateUser(t.Context(), u); !errors.Is(err, auth.ErrExists) {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

func TestDisablingTwiceKeepsTheFirstTime(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	for i := range 2 {
		u, _, err := s.DisableUser(t.Context(), ann.id, noon.Add(time.Duration(i)*time.Hour))
		if err != nil || !u.DisabledAt.Equal(noon) {
			t.Errorf("%+v %v", u, err)
		}
	}
	if _, _, err := s.DisableUser(t.Context(), uuid.NewString(), noon); !errors.Is(err, auth.ErrNotFound) {
		t.Error(err)
	}
}

func TestUsersAreListedOldestFirst(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
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

func TestImportTwiceEqualsImportOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann := newUser(t, s, "ann")
	users := []auth.ImportUser{
		importOf(uuid.NewString(), "bob@example.com"),
		importOf("", "carl@example.com"),
		importOf(ann.id, "elsewhere@example.com"),
		importOf(uuid.NewString(), "elsewhere@example.com"),
	}
	newID := func() (string, error) { return uuid.NewString(), nil }
	for round, first := range []bool{true, false} {
		got, err := s.ImportUsers(t.Context(), users, newID, noon)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if v.Created != (first && i < 2) || v.Updated != (first && i == 2) || (v.Err != nil) != (i == 3) {
				t.Errorf("round %d, line %d: %+v", round, i, v)
			}
		}
	}
	wantSound(t, s)
}
