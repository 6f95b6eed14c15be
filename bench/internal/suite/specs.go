package suite

import (
	"context"
	"fmt"

	"github.com/triport/triport-console/bench/internal/load"
	"github.com/triport/triport-console/bench/internal/report"
	"github.com/triport/triport-console/bench/internal/seed"
)

// runner is what a round does for one line of the table.
type runner interface {
	run(ctx context.Context, l *lab, round int) (report.Sample, error)
}

// spec is one line of the table.
type spec struct {
	workload  string // what -only selects
	short     bool   // it is in the short suite too
	maxRounds int    // 0: all of them
	needs     []master
	series    report.Series
	runner    runner
}

// Workloads are what -only may select.
var Workloads = []string{"attribute", "no_cookie", "already", "rejected", "mixed", "growth", "replay", "import", "start"}

const pocketbaseMaster = "pocketbase"

// masters are the databases that the specs of a scale start from.
type masters struct{ fresh, done, mixed, pocketbase, lines, million master }

func (s Scale) masters() masters {
	people := seed.Layout{Fresh: s.People, Sessions: s.People}
	besides := s.People + besidePeople
	return masters{
		fresh:      master{"fresh", people, false},
		done:       master{"done", seed.Layout{Attributed: s.People, Sessions: s.People}, false},
		mixed:      master{"mixed", seed.Layout{Fresh: besides, Sessions: besides}, false},
		pocketbase: master{pocketbaseMaster, people, false},
		lines:      master{"lines", seed.Layout{Fresh: s.Lines}, false},
		million:    s.grown(s.Million),
	}
}

// inPlaceFrom is how many attributions make a store too big to be copied for each run. Such a store
// is used as it is, by other people in each round, and grows by what they leave.
const inPlaceFrom = 1_000_000

func (s Scale) grown(attributions int64) master {
	people := s.Slice * int64(s.Rounds)
	return master{
		fmt.Sprintf("grown-%d", attributions),
		seed.Layout{Attributed: attributions, Fresh: people, Sessions: people},
		attributions >= inPlaceFrom,
	}
}

// The programs by the word that a key has for them.
var words = map[string]contender{
	"product": product, "one-by-one": oneByOne, "wired": wired, "normal": normal, "naive": naive,
	"pocketbase": pocketbase, "pocketbase-full": pocketbaseFull, "bare": bare,
}

// specs are the whole suite, in the order of the table.
func (s Scale) specs() []spec {
	m := s.masters()
	all := s.attribute(m)
	all = append(all, s.others(m)...)
	for _, n := range s.Growth {
		all = append(all, s.growth(n))
	}
	all = append(all, s.bulk(m)...)
	return append(all, s.start(m)...)
}

// variant is a way to run the workload attribute.
type variant struct {
	suffix, what    string
	pinned, inOrder bool
}

// attribute is everything that is measured by attributions a second.
func (s Scale) attribute(m masters) []spec {
	var all []spec
	add := func(conns int, v variant, short bool, servers ...string) {
		for _, word := range servers {
			key := func(w string) string { return fmt.Sprintf("attribute%s/%d/%s", v.suffix, conns, w) }
			by, on := words[word], m.fresh
			if by.program == "pocketbase" {
				on = m.pocketbase
			}
			var baseline []string
			if word == "product" {
				for _, b := range append(servers[1:], "raw") {
					baseline = append(baseline, key(b))
				}
			}
			all = append(all, spec{
				workload: "attribute", short: short, needs: needed(by, on),
				series: report.Series{Key: key(word), What: v.what, Server: by.name, Conns: conns, Unit: report.PerSecond, Baseline: baseline},
				runner: httpRun{
					by: by, on: on, kind: load.Attribute, conns: conns, pinned: v.pinned, inOrder: v.inOrder, expected: []string{answerAttributed},
				},
			})
		}
	}
	anyhow := variant{what: "attribute"}
	add(1, anyhow, false, "product", "one-by-one")
	add(64, anyhow, true, "product", "one-by-one", "naive", "bare")
	add(64, anyhow, false, "wired", "normal", "pocketbase", "pocketbase-full")
	add(256, anyhow, false, "product", "one-by-one", "naive", "bare")
	add(64, variant{suffix: "-pinned", what: "attribute, pinned", pinned: true}, false, "product", "one-by-one", "bare")
	add(64, variant{suffix: "-new", what: "attribute, newest accounts", inOrder: true}, false, "product", "one-by-one", "naive")
	also(all, "attribute/64/product", "wired", "normal", "pocketbase", "pocketbase-full")
	return append(all, spec{
		workload: "attribute", needs: []master{m.fresh}, runner: rawRun{on: m.fresh},
		series: report.Series{Key: "attribute/64/raw", What: "attribute", Server: "raw rows, no HTTP", Unit: report.PerSecond},
	})
}

// also holds one line against more servers of the same workload and connections.
func also(all []spec, key string, servers ...string) {
	for i := range all {
		if s := &all[i].series; s.Key == key {
			for _, word := range servers {
				s.Baseline = append(s.Baseline, "attribute/64/"+word)
			}
		}
	}
}

// needed is the master of a contender that has a store.
func needed(by contender, on master) []master {
	if by.store == "" {
		return nil
	}
	return []master{on}
}

// others are the calls that attribute nothing, or little.
func (s Scale) others(m masters) []spec {
	one := func(workload, word string, short bool, r httpRun, baseline ...string) spec {
		r.conns = 64
		return spec{
			workload: workload, short: short, needs: needed(r.by, r.on), runner: r,
			series: report.Series{
				Key: workload + "/64/" + word, What: workload, Server: r.by.name, Conns: 64, Unit: report.PerSecond, Baseline: baseline,
			},
		}
	}
	noCookie, mixed := []string{answerNoCookie}, []string{answerNoCookie, answerAttributed, answerUnknown}
	bareKey := "no_cookie/64/bare"
	all := []spec{
		one("no_cookie", "product", true, httpRun{by: product, on: m.fresh, kind: load.NoCookie, expected: noCookie}, bareKey),
		one("no_cookie", "bare", true, httpRun{by: bareNoCookie, on: m.fresh, kind: load.NoCookie, expected: noCookie}),
		one("already", "product", false, httpRun{by: product, on: m.done, kind: load.Attribute, expected: []string{answerAlready}}, "already/64/one-by-one"),
		one("already", "one-by-one", false, httpRun{by: oneByOne, on: m.done, kind: load.Attribute, expected: []string{answerAlready}}),
		one("rejected", "product", false, httpRun{by: product, on: m.fresh, kind: load.Rejected, expected: []string{answerUnknown}}, "rejected/64/one-by-one"),
		one("rejected", "one-by-one", false, httpRun{by: oneByOne, on: m.fresh, kind: load.Rejected, expected: []string{answerUnknown}}),
		one("mixed", "product", false, httpRun{by: product, on: m.mixed, kind: load.Mixed, expected: mixed, beside: true}, "mixed/64/one-by-one"),
		one("mixed", "one-by-one", false, httpRun{by: oneByOne, on: m.mixed, kind: load.Mixed, expected: mixed, beside: true}),
	}
	return all
}

func (s Scale) growth(attributions int64) spec {
	on := s.grown(attributions)
	key := func(n int64) string { return fmt.Sprintf("growth/64/%d", n) }
	sp := spec{
		workload: "growth", needs: []master{on},
		series: report.Series{
			Key: key(attributions), What: fmt.Sprintf("attribute, %d in the store", attributions), Server: product.name, Conns: 64, Unit: report.PerSecond,
		},
		runner: httpRun{by: product, on: on, kind: load.Attribute, conns: 64, expected: []string{answerAttributed}, slices: s.Rounds},
	}
	if attributions != s.Growth[0] {
		sp.series.Baseline = []string{key(s.Growth[0])}
	}
	return sp
}

// bulkRounds is how often the commands over a million lines run: they are long, and steady.
const bulkRounds = 2

func (s Scale) bulk(m masters) []spec {
	one := func(workload, word, server string, r runner, baseline ...string) spec {
		sp := spec{
			workload: workload, maxRounds: bulkRounds, runner: r,
			series: report.Series{
				Key: workload + "/0/" + word, What: fmt.Sprintf("%s, %d lines", workload, s.Lines), Server: server, Unit: report.PerSecond, Baseline: baseline,
			},
		}
		if workload == "replay" {
			sp.needs = []master{m.lines}
		}
		return sp
	}
	const raw = "raw rows, no HTTP"
	return []spec{
		one("replay", "product", product.name, replayRun{m.lines}, "replay/0/raw"),
		one("replay", "raw", raw, rawRun{on: m.lines}),
		one("import", "product", product.name, importRun{}, "import/0/raw"),
		one("import", "raw", raw, rawRun{users: true}),
	}
}

func (s Scale) start(m masters) []spec {
	one := func(word string, by contender, baseline ...string) spec {
		return spec{
			workload: "start", short: true, needs: []master{m.million}, runner: startRun{by, m.million},
			series: report.Series{
				Key: "start/0/" + word, What: fmt.Sprintf("start, %d attributions", s.Million), Server: by.name, Unit: report.Milliseconds, Baseline: baseline,
			},
		}
	}
	return []spec{one("product", product, "start/0/bare"), one("bare", bare)}
}
