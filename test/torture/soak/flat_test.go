package soak

import (
	"fmt"
	"slices"
	"testing"
)

// walBound is how large the write-ahead log may be, in MiB: a checkpoint follows every 1,000 pages, four
// MiB, and waits for nobody longer than a backup takes.
const walBound = 16

// drainedWithin is how many samples in a row may find something in the spool: a disk that stalls makes attempts
// wait there, and they are decided when it is well again.
const drainedWithin = 15

// flat is how far a figure of the last quarter may lie above that of the second one. The first quarter is
// for warming up.
var flat = map[int]func(before float64) float64{
	memory:      func(before float64) float64 { return 1.25*before + 8 },
	descriptors: func(before float64) float64 { return before + 10 },
	goroutines:  func(before float64) float64 { return before + 20 },
	threads:     func(before float64) float64 { return before + 10 },
	p99:         func(before float64) float64 { return 2*before + 25 },
}

// typical is the figure of a quarter: the median or, of latency, what it is in a good second. Whoever shares
// the machine makes some seconds slow; a server that gets slower makes all of them so.
func typical(samples []sample, what int) float64 {
	if what != p99 {
		return median(samples, what)
	}
	values := column(samples, what)
	slices.Sort(values)
	return values[len(values)/10]
}

// judge says what grew.
func judge(samples []sample) (grown []string) {
	if len(samples) < 20 {
		return []string{fmt.Sprintf("%d samples are too few to see anything grow", len(samples))}
	}
	for what, allowed := range flat {
		before, after := typical(quarter(samples, 1), what), typical(quarter(samples, 3), what)
		if after > allowed(before) {
			grown = append(grown, fmt.Sprintf("%s grew from %.1f in the second quarter to %.1f in the last, %.1f is allowed", names[what], before, after, allowed(before)))
		}
	}
	if n := most(samples, wal); n > walBound {
		grown = append(grown, fmt.Sprintf("the write-ahead log grew to %.1f MiB, %d are allowed", n, walBound))
	}
	if n := longest(samples, spool); n > drainedWithin {
		grown = append(grown, fmt.Sprintf("something was in the spool for %d seconds in a row, up to %.0f bytes", n, most(samples, spool)))
	}
	return grown
}

// longest is the greatest number of samples in a row that are not zero.
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

// quarter is the nth of four parts of the samples.
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

// TestGrowthIsSeen is the judgement's own test: it grows each figure alone.
func TestGrowthIsSeen(t *testing.T) {
	t.Parallel()
	steady := make([]sample, 100)
	for i := range steady {
		steady[i].values = [columns]float64{40, 30, 50, 12, 4, 0, 1, 20}
	}
	if grown := judge(steady); len(grown) > 0 {
		t.Errorf("what is steady grew: %q", grown)
	}
	for _, what := range []int{memory, descriptors, goroutines, threads, wal, spool, p99} {
		growing := slices.Clone(steady)
		for i := range growing {
			growing[i].values[what] += float64(10 * i)
		}
		if grown := judge(growing); len(grown) != 1 {
			t.Errorf("%s grows: %q", names[what], grown)
		}
	}
}
