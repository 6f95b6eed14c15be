package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Facts are what one must know to judge the figures.
type Facts struct {
	When    time.Time
	Command string
	Machine [][2]string // name and value, in order
	Notes   []string
	// Targets says that the runs were long enough to hold them against the targets.
	Targets bool
}

// Print writes the table for a terminal.
func (t Table) Print(w io.Writer, f Facts) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, fact := range f.Machine {
		fmt.Fprintf(tw, "%s\t%s\n", fact[0], fact[1])
	}
	fmt.Fprintln(tw)
	printRow(tw, heads)
	for _, s := range t {
		printRow(tw, t.cells(s))
	}
	if verdicts := t.verdicts(); f.Targets && len(verdicts) > 0 {
		fmt.Fprintln(tw)
		printRow(tw, verdictHeads)
		for _, v := range verdicts {
			printRow(tw, v.cells())
		}
	}
	return tw.Flush()
}

func printRow(w io.Writer, cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }

// WritePage writes the page that is kept beside the code.
func (t Table) WritePage(w io.Writer, f Facts) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nMade by `%s` on %s; do not edit.\n\n![attributions a second](results.svg)\n\n",
		f.Command, f.When.UTC().Format(time.DateOnly))
	markdownRow(&b, []string{"", ""})
	markdownRow(&b, []string{"---", "---"})
	for _, fact := range f.Machine {
		markdownRow(&b, fact[:])
	}
	b.WriteString("\n## Runs\n\n")
	markdownTable(&b, heads, func(add func([]string)) {
		for _, s := range t {
			add(t.cells(s))
		}
	})
	if f.Targets {
		b.WriteString("\n## Targets\n\n")
		markdownTable(&b, verdictHeads, func(add func([]string)) {
			for _, v := range t.verdicts() {
				add(v.cells())
			}
		})
	}
	b.WriteString("\n## How to read it\n\n")
	for _, note := range f.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownTable(b *strings.Builder, heads []string, rows func(add func([]string))) {
	markdownRow(b, heads)
	rules := make([]string, len(heads))
	for i := range rules {
		rules[i] = "---"
	}
	markdownRow(b, rules)
	rows(func(cells []string) { markdownRow(b, cells) })
}

func markdownRow(b *strings.Builder, cells []string) {
	for _, c := range cells {
		fmt.Fprintf(b, "| %s ", strings.ReplaceAll(c, "|", `\|`))
	}
	b.WriteString("|\n")
}
