package suite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/bench/internal/suite"
)

// tiny has every line of the full suite with minimal sizes.
var tiny = suite.Scale{
	Rounds: 2, People: 3000, Growth: []int64{100, 300}, Million: 300, Lines: 1000,
	Starts: 1, Slice: 2000, Warm: 20 * time.Millisecond, For: 250 * time.Millisecond,
}

// TestEveryLineRuns runs all servers, commands and checks. It does not check times.
func TestEveryLineRuns(t *testing.T) {
	bench, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	r, err := suite.Run(t.Context(), suite.Options{
		Scale: tiny, Bench: bench, Root: filepath.Dir(bench), Dir: t.TempDir(), Log: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Table {
		if len(s.Samples) != tiny.Rounds {
			t.Errorf("%s ran %d times, not %d", s.Key, len(s.Samples), tiny.Rounds)
		}
		for round, sample := range s.Samples {
			if sample.Value <= 0 {
				t.Errorf("%s, round %d: %+v", s.Key, round, sample)
			}
		}
	}
}

func TestUnknownWorkloadIsRejected(t *testing.T) {
	t.Parallel()
	_, err := suite.Run(t.Context(), suite.Options{Scale: tiny, Only: []string{"attributes"}, Dir: t.TempDir(), Log: t.Output()})
	if err == nil {
		t.Error("no error")
	}
}
