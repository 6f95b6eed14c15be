package sqlite_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

func TestSlugBelongsToItsOwnerPermanently(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	set := func(who user, slug string) error {
		_, err := s.SetSlug(t.Context(), who.id, slug, noon)
		return err
	}
	for i, step := range []struct {
		who  user
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
	if _, err := s.DisableSlug(t.Context(), ann.id, noon); !errors.Is(err, referral.ErrNoSlug) {
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
