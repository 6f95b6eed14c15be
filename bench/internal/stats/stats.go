// Package stats computes the figures of a table from the runs of a benchmark.
package stats

import (
	"math"
	"slices"
	"time"
)

// Median returns the median, or NaN if there are no values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// Spread returns the distance from the least to the greatest value as a share of the median.
func Spread(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	return (slices.Max(values) - slices.Min(values)) / Median(values)
}

// Ratios divides round by round, because a disturbance of a round slows both. It skips rounds that only one
// of them has.
func Ratios(values, baseline map[int]float64) []float64 {
	var ratios []float64
	for round, v := range values {
		if b, ok := baseline[round]; ok && b != 0 {
			ratios = append(ratios, v/b)
		}
	}
	return ratios
}

// Percentile returns the value that a share p of the sorted values does not exceed; 0 if there are none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
