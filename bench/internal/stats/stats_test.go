package stats_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/triport/triport-console/bench/internal/stats"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 3}, 2.5},
	} {
		if got := stats.Median(tt.values); got != tt.want {
			t.Errorf("Median(%v) = %v, want %v", tt.values, got, tt.want)
		}
	}
	if !math.IsNaN(stats.Median(nil)) || !math.IsNaN(stats.Spread(nil)) {
		t.Error("median and spread of no values are not NaN")
	}
}

func TestMedianDoesNotSortItsArgument(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	stats.Median(values)
	if !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("now %v", values)
	}
}

func TestSpreadIsRelativeToMedian(t *testing.T) {
	t.Parallel()
	if got := stats.Spread([]float64{90, 100, 120}); got != 0.3 {
		t.Errorf("%v, want 0.3", got)
	}
}

func TestRatiosDivideWithinRounds(t *testing.T) {
	t.Parallel()
	got := stats.Ratios(map[int]float64{0: 10, 1: 30, 2: 5}, map[int]float64{0: 5, 1: 10, 3: 1})
	slices.Sort(got)
	if !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("%v, want [2 3]", got)
	}
	if got := stats.Ratios(map[int]float64{0: 1}, map[int]float64{0: 0}); len(got) != 0 {
		t.Errorf("ratio to zero: %v", got)
	}
}

func TestPercentileIsOneOfTheValues(t *testing.T) {
	t.Parallel()
	values := make([]time.Duration, 100)
	for i := range values {
		values[i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := stats.Percentile(values, p); got != want {
			t.Errorf("Percentile(%v) = %d, want %d", p, got, want)
		}
	}
	if got := stats.Percentile(nil, 0.5); got != 0 {
		t.Errorf("of no values: %v", got)
	}
}
