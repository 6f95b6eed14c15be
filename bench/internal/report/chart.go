package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/triport/triport-console/bench/internal/stats"
)

//go:embed chart.svg.tmpl
var chartText string

var chart = template.Must(template.New("chart").Parse(chartText))

// The dimensions of the chart, in SVG units.
const (
	barLeft  = 226
	barWidth = 370 // of the longest bar
	barStep  = 34
	chartTop = 74
)

type bar struct {
	Label, Value string
	Y, Width     float64
	Own          bool
}

// WriteChart draws attributions per second at 64 connections, one bar per server, the longest first. It
// returns an error if none of them ran.
func (t Table) WriteChart(w io.Writer, f Facts) error {
	const prefix = "attribute/64/"
	var bars []bar
	longest := 0.0
	for _, s := range t {
		if !strings.HasPrefix(s.Key, prefix) || len(s.Samples) == 0 {
			continue
		}
		v := stats.Median(s.values(value))
		longest = max(longest, v)
		bars = append(bars, bar{Label: s.Server, Value: grouped(v), Width: v, Own: s.Key == prefix+"product"})
	}
	if len(bars) == 0 {
		return fmt.Errorf("no run of %s to draw", prefix)
	}
	sortBars(bars)
	for i := range bars {
		bars[i].Width = max(1, bars[i].Width/longest*barWidth)
		bars[i].Y = float64(chartTop + i*barStep)
	}
	return chart.Execute(w, struct {
		Bars                 []bar
		Left, Height, Bottom int
		When                 string
	}{bars, barLeft, chartTop + len(bars)*barStep + 34, chartTop + len(bars)*barStep + 16, f.When.UTC().Format("2006-01-02")})
}

func sortBars(bars []bar) {
	slices.SortStableFunc(bars, func(a, b bar) int { return cmp.Compare(b.Width, a.Width) })
}

// ValueX is the position of the number next to the bar.
func (b bar) ValueX() float64 { return barLeft + b.Width + 8 }

// TextY is the baseline of the texts.
func (b bar) TextY() float64 { return b.Y + 16 }

// XML returns the escaped label.
func (b bar) XML() string { return template.HTMLEscapeString(b.Label) }
