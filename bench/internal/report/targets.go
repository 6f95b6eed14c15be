package report

import (
	"math"

	"github.com/triport/triport-console/bench/internal/stats"
)

// target is a figure that the product should reach.
type target struct {
	text   string
	get    func(Sample) float64
	key    string
	base   string // empty: the figure itself, not a ratio
	atMost bool
	bound  float64
	show   func(float64) string
}

func ratioText(f float64) string { return figure(f) + " ×" }

func withUnit(u Unit) func(float64) string {
	return func(f float64) string { return grouped(f) + " " + string(u) }
}

var targets = []target{
	{"attribute, newest accounts, against bare", value, "attribute-new/64/product", "attribute/64/bare", false, 0.30, ratioText},
	{"attribute, random order, against bare", value, "attribute/64/product", "attribute/64/bare", false, 0.22, ratioText},
	{"attribute, random order, against one-by-one", value, "attribute/64/product", "attribute/64/one-by-one", false, 6, ratioText},
	{"attribute, random order, against naive", value, "attribute/64/product", "attribute/64/naive", false, 10, ratioText},
	{"attribute, random order, against PocketBase FULL", value, "attribute/64/product", "attribute/64/pocketbase-full", false, 12, ratioText},
	{"no_cookie against bare, first lookup of each session", value, "no_cookie/64/product", "no_cookie/64/bare", false, 0.60, ratioText},
	{"attribute, random order, p99 against one-by-one", p99, "attribute/64/product", "attribute/64/one-by-one", true, 0.25, ratioText},
	{"attribute, one connection, p50 against one-by-one", p50, "attribute/1/product", "attribute/1/one-by-one", true, 1.05, ratioText},
	{"FULL against NORMAL durability", value, "attribute/64/product", "attribute/64/normal", false, 0.95, ratioText},
	{"5 million attributions against 10 thousand, newest accounts", value, "growth-new/64/5000000", "growth-new/64/10000", false, 0.90, ratioText},
	{"WAL per attribution in batches of 28, random order", value, "wal/0/product", "", true, 9.5, withUnit(Kilobytes)},
	{"WAL per attribution in batches of 28, newest accounts", value, "wal-new/0/product", "", true, 4.8, withUnit(Kilobytes)},
	{"database per user with session, code and attribution", value, "size/0/product", "", true, 579, withUnit(Bytes)},
	{"replay, lines per second against raw rows per second", value, "replay/0/product", "replay/0/raw", false, 0.5, ratioText},
	{"import, lines per second against raw rows per second", value, "import/0/product", "import/0/raw", false, 0.5, ratioText},
	{"peak memory at 256 connections, 200,000 users", rss, "attribute/256/product", "", true, 96 << 20, mebibytes},
	{"start on a store of a million against the bare handler", value, "start/0/product", "start/0/bare", true, 3, ratioText},
}

// verdict is a target with the measured figure.
type verdict struct{ Text, Bound, Measured, Met string }

// verdicts returns the targets that these runs measured.
func (t Table) verdicts() []verdict {
	var found []verdict
	for _, g := range targets {
		got, ok := g.measure(t)
		if !ok {
			continue
		}
		sign, met := "≥ ", got >= g.bound
		if g.atMost {
			sign, met = "≤ ", got <= g.bound
		}
		result := "yes"
		if !met {
			result = "no"
		}
		found = append(found, verdict{g.text, sign + g.show(g.bound), g.show(got), result})
	}
	return found
}

func (g target) measure(t Table) (float64, bool) {
	if g.base != "" {
		return t.ratio(g.key, g.base, g.get)
	}
	s := t.find(g.key)
	if s == nil {
		return 0, false
	}
	got := stats.Median(s.values(g.get))
	return got, !math.IsNaN(got)
}

func (v verdict) cells() []string { return []string{v.Text, v.Bound, v.Measured, v.Met} }

var verdictColumns = []string{"target", "bound", "measured", "met"}
