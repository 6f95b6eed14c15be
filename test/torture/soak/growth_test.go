package soak

import (
	"fmt"
	"slices"
	"testing"
)

// walBound is the maximum size of the WAL in MiB. A checkpoint follows every 1,000 pages, 4 MiB, and waits
// at most for a backup.
const walBound = 16

// drainedWithin is the maximum number of samples in a row that find the spool not empty. A stalled disk
// makes attempts wait there.
const drainedWithin = 15

// limits are the largest values of the last quarter, given those of the second. The first quarter is for
// warming up.
var limits = map[int]func(before float64) float64{
	memory:      func(before float64) float64 { return 1.25*before + 8 },
	descriptors: func(before float64) float64 { return before + 10 },
	goroutines:  func(before float64) float64 { return before + 20 },
	threads:     func(before float64) float64 { return before + 10 },
	p99:         func(before float64) float64 { return 2*before + 25 },
}

// typical returns the median or, for the latency, the value of a good second. Other load on the machine
// makes some seconds slow; a server that gets slower makes all of them slow.
func typical(samples []sample, what int) float64 {
	if what != p99 {
		return median(samples, what)
	}
	values := column(samples, what)
	slices.Sort(values)
	return values[len(values)/10]
}

// findGrowth describes what grew.
func findGrowth(samples []sample) (grown []string) {
	if len(samples) < 20 {
		return []string{fmt.Sprintf("%d samples are too few to detect growth", len(samples))}
	}
	for what, limit := range limits {
		before, after := typical(quarter(samples, 1), what), typical(quarter(samples, 3), what)
		if after > limit(before) {
			grown = append(grown, fmt.Sprintf("%s grew from %.1f in the second quarter to %.1f in the last, the limit is %.1f", names[what], before, after, limit(before)))
		}
	}
	if n := most(samples, wal); n > walBound {
		grown = append(grown, fmt.Sprintf("the WAL grew to %.1f MiB, the limit is %d", n, walBound))
	}
	if n := longest(samples, spool); n > drainedWithin {
		grown = append(grown, fmt.Sprintf("the spool was not empty for %d seconds in a row, up to %.0f bytes", n, most(samples, spool)))
	}
	return grown
}

// longest returns the largest number of samples in a row that are not zero.
func longest(samples []sample, what int) (n int) {
	row := 0
	for _, v := range column(samples, what) {
		row++
		if v == 0 {
			row = 0
		}
		n = max(n, row)
	}
	return n
}

// quarter returns the nth of four parts of the samples.
func quarter(samples []sample, n int) []sample {
	return samples[len(samples)*n/4 : len(samples)*(n+1)/4]
}

func median(samples []sample, what int) float64 {
	values := column(samples, what)
	slices.Sort(values)
	return values[len(values)/2]
}

func most(samples []sample, what int) float64 { return slices.Max(column(samples, what)) }

func column(samples []sample, what int) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s.values[what]
	}
	return values
}

// Each value grows alone.
func TestGrowthIsDetected(t *testing.T) {
	t.Parallel()
	steady := make([]sample, 100)
	for i := range steady {
		steady[i].values = [columns]float64{40, 30, 50, 12, 4, 0, 1, 20}
	}
	if grown := findGrowth(steady); len(grown) > 0 {
		t.Errorf("steady values grew: %q", grown)
	}
	for _, what := range []int{memory, descriptors, goroutines, threads, wal, spool, p99} {
		growing := slices.Clone(steady)
		for i := range growing {
			growing[i].values[what] += float64(10 * i)
		}
		if grown := findGrowth(growing); len(grown) != 1 {
			t.Errorf("%s grew: %q", names[what], grown)
		}
	}
}
