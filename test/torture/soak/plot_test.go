package soak

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// The panels are below each other, with the same time axis.
const (
	wide, high = 720, 96 // of a panel
	left, top  = 64, 40
	apart      = high + 48
)

type panel struct {
	title string
	lines []int // columns
}

var panels = []panel{
	{"Memory (RSS), MiB", []int{memory}},
	{"Open descriptors", []int{descriptors}},
	{"Goroutines", []int{goroutines}},
	{"Write-ahead log, MiB", []int{wal}},
	{"Latency of each second, ms: p50 and p99 (upper line)", []int{p50, p99}},
}

// style works on light and dark pages.
const style = `<style>
text{font:12px system-ui,sans-serif;fill:#57606a}
.t{font-size:13px;fill:#1f2328}
.a{stroke:#0969da}.b{stroke:#bc4c00}.g{stroke:#d0d7de}
path{fill:none;stroke-width:1.5;stroke-linejoin:round}
.p{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#8b949e}.t{fill:#e6edf3}.a{stroke:#58a6ff}.b{stroke:#f0883e}.g{stroke:#30363d}.p{fill:#0d1117}}
</style>
`

// toSVG returns the samples as SVG.
func toSVG(samples []sample) []byte {
	var out bytes.Buffer
	height := top + len(panels)*apart
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="The server under steady load">`+"\n%s", left+wide+24, height, style)
	fmt.Fprintf(&out, `<rect class="p" width="100%%" height="100%%"/>`+"\n")
	for i, p := range panels {
		p.draw(&out, samples, top+i*apart)
	}
	fmt.Fprintln(&out, `</svg>`)
	return out.Bytes()
}

func (p panel) draw(out *bytes.Buffer, samples []sample, y int) {
	highest := 0.0
	for _, what := range p.lines {
		highest = max(highest, most(samples, what))
	}
	scale := roundUp(highest)
	span := samples[len(samples)-1].at
	fmt.Fprintf(out, `<text class="t" x="%d" y="%d">%s</text>`+"\n", left, y-10, p.title)
	for _, part := range []float64{0, 0.5, 1} {
		at := float64(y) + high*(1-part)
		fmt.Fprintf(out, `<path class="g" d="M%d %.1fh%d"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", left, at, wide, left-8, at+4, scale*part)
	}
	for i, what := range p.lines {
		fmt.Fprintf(out, `<path class="%c" d="`, 'a'+i)
		for n, s := range downsample(samples) {
			fmt.Fprintf(out, "%c%.1f %.1f", "ML"[min(n, 1)], left+wide*float64(s.at)/float64(span), float64(y)+high*(1-s.values[what]/scale))
		}
		fmt.Fprintln(out, `"/>`)
	}
	for _, part := range []int{0, 1, 2, 3, 4} {
		at := span * time.Duration(part) / 4
		fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", left+wide*part/4, y+high+16, at.Round(time.Second))
	}
}

// downsample returns at most one sample for each pixel, with the median of every column. Otherwise a peak
// of a second would look as wide as a minute.
func downsample(samples []sample) []sample {
	each := max(1, len(samples)/wide)
	var few []sample
	for i := 0; i+each <= len(samples); i += each {
		group := samples[i : i+each]
		s := group[each/2]
		for what := range s.values {
			s.values[what] = median(group, what)
		}
		few = append(few, s)
	}
	return few
}

// roundUp returns the next number of the form 1, 2 or 5 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if v <= step*unit {
			return step * unit
		}
	}
	return 10 * unit
}
