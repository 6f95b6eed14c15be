package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// table has one workload on two servers, in three rounds.
func table() Table {
	series := func(word, server string, values ...float64) *Series {
		s := &Series{Key: "attribute/64/" + word, What: "attribute", Server: server, Conns: 64, Unit: PerSecond, Samples: map[int]Sample{}}
		for round, v := range values {
			s.Samples[round] = Sample{Value: v, P50: 2 * time.Millisecond, P99: 8 * time.Millisecond, RSS: 32 << 20, Share: 0.25}
		}
		return s
	}
	product := series("product", "product", 6000, 7000, 24000)
	product.Baseline = []string{"attribute/64/one-by-one", "attribute/64/absent"}
	return Table{product, series("one-by-one", "one <by> one", 1000, 1000, 3000)}
}

func TestTableShowsMedianSpreadAndRatio(t *testing.T) {
	t.Parallel()
	tab := table()
	got := strings.Join(tab.cells(tab[0]), "|")
	const want = "attribute|product|64|7,000 /s|257 %|7.00 × one <by> one|2.00 ms|8.00 ms|32.0 MiB|25 %|3"
	if got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

func TestFailedRequestsAreShown(t *testing.T) {
	t.Parallel()
	tab := table()
	tab[1].Samples[1] = Sample{Value: 1, Failed: 12}
	cells := tab.cells(tab[1])
	if got := cells[len(cells)-1]; got != "3, 12 requests failed" {
		t.Errorf("%q", got)
	}
}

func TestOnlyMeasuredTargetsHaveVerdicts(t *testing.T) {
	t.Parallel()
	got := table().verdicts()
	want := []verdict{
		{"attribute, random order, against one-by-one", "≥ 6.00 ×", "7.00 ×", "yes"},
		{"attribute, random order, p99 against one-by-one", "≤ 0.25 ×", "1.00 ×", "no"},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v", got)
	}
}

func TestNumbersAreGroupedAndRounded(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{0.123: "0.12", 12.34: "12.3", 123: "123", 1234: "1,234", 1234567: "1,234,567"} {
		if got := grouped(f); got != want {
			t.Errorf("grouped(%v) = %q, want %q", f, got, want)
		}
	}
}

func TestChartIsWellFormedAndSorted(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := table().WriteChart(&b, Facts{}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for d := xml.NewDecoder(&b); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	own, other := strings.Index(text, `class="own"`), strings.Index(text, `<rect class="bar"`)
	if own < 0 || other < own || !strings.Contains(text, "one &lt;by&gt; one") || !strings.Contains(text, "prefers-color-scheme: dark") {
		t.Error(text)
	}
}

func TestEmptyChartIsAnError(t *testing.T) {
	t.Parallel()
	if err := (Table{}).WriteChart(io.Discard, Facts{}); err == nil {
		t.Error("no error")
	}
}

func TestPageContainsTable(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	f := Facts{Command: "go run ./cmd/bench", Machine: [][2]string{{"disk", "a|b"}}, Notes: []string{"a note"}, Targets: true}
	if err := table().WritePage(&b, f); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`| disk | a\|b |`, "| attribute | product | 64 | 7,000 /s |", "## Targets", "- a note", "`go run ./cmd/bench`"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
