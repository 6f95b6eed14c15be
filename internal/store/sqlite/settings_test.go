package sqlite_test

import (
	"testing"
	"time"
)

func TestRecordedSignupWindowIsTheLastOne(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	if _, found, err := s.SignupWindow(t.Context()); found || err != nil {
		t.Errorf("a new database has one: %t, %v", found, err)
	}
	for _, window := range []time.Duration{0, time.Hour, time.Hour, time.Nanosecond, 0} {
		if err := s.RecordSignupWindow(t.Context(), window); err != nil {
			t.Fatal(err)
		}
		if got, found, err := s.SignupWindow(t.Context()); got != window || !found || err != nil {
			t.Errorf("recorded %s: got %s, %t, %v", window, got, found, err)
		}
	}
}
