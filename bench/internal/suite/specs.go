package suite

import (
	"context"
	"fmt"

	"github.com/triport/triport-console/bench/internal/load"
	"github.com/triport/triport-console/bench/internal/report"
	"github.com/triport/triport-console/bench/internal/seed"
)

// runner runs one line of the table in a round.
type runner interface {
	run(ctx context.Context, ws *workspace, round int) (report.Sample, error)
}

// spec is one line of the table.
type spec struct {
	workload  string // for -only
	short     bool   // also in the short suite
	maxRounds int    // 0: all of them
	needs     []database
	series    report.Series
	runner    runner
}

// Workloads are the values of -only.
var Workloads = []string{"attribute", "no_cookie", "already", "rejected", "mixed", "growth", "replay", "import", "start", "wal", "size"}

// The databases with other tables than the product's.
const (
	naiveName      = "naive"
	pocketbaseName = "pocketbase"
)

// databases are the seeded databases of a scale.
type databases struct{ fresh, done, half, mixed, naive, pocketbase, lines, million database }

func (s Scale) databases() databases {
	people := seed.Layout{Fresh: s.People, Sessions: s.People}
	withReplays := s.People + replayPeople
	return databases{
		fresh:      database{"fresh", people, false},
		done:       database{"done", seed.Layout{Attributed: s.People, Sessions: s.People}, false},
		half:       database{"half", seed.Layout{Attributed: s.People, Fresh: s.People}, false},
		mixed:      database{"mixed", seed.Layout{Fresh: withReplays, Sessions: withReplays}, false},
		naive:      database{naiveName, people, false},
		pocketbase: database{pocketbaseName, people, false},
		lines:      database{"lines", seed.Layout{Fresh: s.Lines}, false},
		million:    s.grown(s.Million),
	}
}

// inPlaceFrom is the number of attributions from which a store is too large to copy for each run. Such a
// store is used in place, by other people in each round, and grows by their rows.
const inPlaceFrom = 1_000_000

func (s Scale) grown(attributions int64) database {
	people := s.Slice * int64(growthOrders*s.Rounds)
	return database{
		fmt.Sprintf("grown-%d", attributions),
		seed.Layout{Attributed: attributions, Fresh: people, Sessions: people},
		attributions >= inPlaceFrom,
	}
}

// growthOrders are random order and newest accounts.
const growthOrders = 2

// The contenders by their word in a key.
var contenders = map[string]contender{
	"product": product, "one-by-one": oneByOne, "batches-256": batches256, "normal": normal, "naive": naive,
	"pocketbase": pocketbase, "pocketbase-full": pocketbaseFull, "bare": bare,
}

// specs returns all lines of the table, in their order.
func (s Scale) specs() []spec {
	m := s.databases()
	all := s.attribute(m)
	all = append(all, s.others(m)...)
	for _, n := range s.Growth {
		all = append(all, s.growth(n, false), s.growth(n, true))
	}
	all = append(all, s.bulk(m)...)
	all = append(all, s.start(m)...)
	return append(all, s.storage(m)...)
}

// variant is a variant of the workload attribute.
type variant struct {
	suffix, what    string
	pinned, inOrder bool
}

// attribute returns all specs of the workload attribute.
func (s Scale) attribute(m databases) []spec {
	var all []spec
	add := func(conns int, v variant, short bool, servers ...string) {
		for _, word := range servers {
			key := func(w string) string { return fmt.Sprintf("attribute%s/%d/%s", v.suffix, conns, w) }
			by, on := contenders[word], m.fresh
			switch by.program {
			case "naive":
				on = m.naive
			case "pocketbase":
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
	plain := variant{what: "attribute"}
	add(1, plain, false, "product", "one-by-one")
	add(64, plain, true, "product", "one-by-one", "naive", "bare")
	add(64, plain, false, "batches-256", "normal", "pocketbase", "pocketbase-full")
	add(256, plain, false, "product", "one-by-one", "naive", "bare")
	add(64, variant{suffix: "-pinned", what: "attribute, pinned", pinned: true}, false, "product", "one-by-one", "bare")
	add(64, variant{suffix: "-new", what: "attribute, newest accounts", inOrder: true}, false, "product", "one-by-one", "naive")
	compare(all, "attribute-new/64/product", "bare")
	compare(all, "attribute/64/product", "batches-256", "normal", "pocketbase", "pocketbase-full")
	return append(all, spec{
		workload: "attribute", needs: []database{m.fresh}, runner: rawRun{on: m.fresh},
		series: report.Series{Key: "attribute/64/raw", What: "attribute", Server: "raw rows, no HTTP", Unit: report.PerSecond},
	})
}

// compare adds baselines to one line.
func compare(all []spec, key string, servers ...string) {
	for i := range all {
		if s := &all[i].series; s.Key == key {
			for _, word := range servers {
				s.Baseline = append(s.Baseline, "attribute/64/"+word)
			}
		}
	}
}

// needed returns the database of a contender that has a store.
func needed(by contender, on database) []database {
	if by.store == "" {
		return nil
	}
	return []database{on}
}

// others returns the specs of calls that attribute no or few users.
func (s Scale) others(m databases) []spec {
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
		one("mixed", "product", false, httpRun{by: product, on: m.mixed, kind: load.Mixed, expected: mixed, sideLoad: true}, "mixed/64/one-by-one"),
		one("mixed", "one-by-one", false, httpRun{by: oneByOne, on: m.mixed, kind: load.Mixed, expected: mixed, sideLoad: true}),
	}
	return all
}

func (s Scale) growth(attributions int64, inOrder bool) spec {
	on := s.grown(attributions)
	suffix, what, part := "", "attribute", 0
	if inOrder {
		suffix, what, part = "-new", "attribute, newest accounts", 1
	}
	key := func(n int64) string { return fmt.Sprintf("growth%s/64/%d", suffix, n) }
	sp := spec{
		workload: "growth", needs: []database{on},
		series: report.Series{
			Key: key(attributions), What: fmt.Sprintf("%s, %d in the store", what, attributions), Server: product.name, Conns: 64, Unit: report.PerSecond,
		},
		runner: httpRun{
			by: product, on: on, kind: load.Attribute, conns: 64, inOrder: inOrder, expected: []string{answerAttributed},
			slices: growthOrders * s.Rounds, slice: part,
		},
	}
	if attributions != s.Growth[0] {
		sp.series.Baseline = []string{key(s.Growth[0])}
	}
	return sp
}

// bulkRounds is the number of rounds of the commands with many lines: they are long and steady.
const bulkRounds = 2

func (s Scale) bulk(m databases) []spec {
	one := func(workload, word, server string, r runner, baseline ...string) spec {
		sp := spec{
			workload: workload, maxRounds: bulkRounds, runner: r,
			series: report.Series{
				Key: workload + "/0/" + word, What: fmt.Sprintf("%s, %d lines", workload, s.Lines), Server: server, Unit: report.PerSecond, Baseline: baseline,
			},
		}
		if workload == "replay" {
			sp.needs = []database{m.lines}
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

func (s Scale) start(m databases) []spec {
	one := func(word string, by contender, baseline ...string) spec {
		return spec{
			workload: "start", short: true, needs: []database{m.million}, runner: startRun{by, m.million},
			series: report.Series{
				Key: "start/0/" + word, What: fmt.Sprintf("start, %d attributions", s.Million), Server: by.name, Unit: report.Milliseconds, Baseline: baseline,
			},
		}
	}
	return []spec{one("product", product, "start/0/bare"), one("bare", bare)}
}

// storage returns the specs of bytes. They hardly differ between rounds.
func (s Scale) storage(m databases) []spec {
	one := func(workload, suffix, what string, unit report.Unit, on database, r runner) spec {
		return spec{
			workload: workload, short: true, maxRounds: bulkRounds, needs: []database{on}, runner: r,
			series: report.Series{Key: workload + suffix + "/0/product", What: what, Server: product.name, Unit: unit},
		}
	}
	const wal = "WAL per attribution in batches of 28"
	return []spec{
		one("wal", "", wal, report.Kilobytes, m.half, walRun{m.half, false}),
		one("wal", "-new", wal+", newest accounts", report.Kilobytes, m.half, walRun{m.half, true}),
		one("size", "", "database per user with session, code and attribution", report.Bytes, m.done, sizeRun{m.done}),
	}
}
