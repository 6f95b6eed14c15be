// Command figures writes the figures of RESULTS.md into the pages that quote them, between
// "<!-- figures: NAME -->" and "<!-- end -->". It is run in the directory bench.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"
)

// blocks are the texts by page, relative to the repository, and by name.
var blocks = map[string]map[string]string{
	"README.md": {"rate": `
Calls that arrive during a commit share the next one, with full durability. On 2 cores that is {{median "attribute" "product" "64"}}
attributions a second, {{ratio "attribute" "64" "one-by-one"}} times as many as one transaction per call; memory stays
below {{limit "attribute" "product" "256"}} MiB. [All figures](docs/performance.md).
`},
	"docs/performance.md": {"rates": `
| server | attributions a second | ratio |
|---|---|---|
| this program | {{median "attribute" "product" "64"}} | |
| … new accounts, in order of sign-up | {{median "attribute, newest accounts" "product" "64"}} | |
| one transaction per attempt | {{median "attribute" "one-by-one" "64"}} | {{ratio "attribute" "64" "one-by-one"}} × |
| a common handler: a pool, a transaction per request | {{median "attribute" "naive" "64"}} | {{ratio "attribute" "64" "naive"}} × |
| a route in PocketBase, full durability | {{median "attribute" "PocketBase, FULL" "64"}} | {{ratio "attribute" "64" "PocketBase, FULL"}} × |
| a bare handler without a database | {{median "attribute" "bare" "64"}} | {{ratio "attribute" "64" "bare"}} × |

A call without a code is the everyday one: {{median "no_cookie" "product" "64"}} a second, {{ratio "no_cookie" "64" "bare"}} × the bare
handler. ` + "`FULL` reaches {{ratio \"attribute\" \"64\" \"product, NORMAL\"}} × `NORMAL`" + `. Peak memory is {{cell "attribute" "product" "256" "peak RSS"}} at
256 connections; the first answer comes {{cell "start, 1000000 attributions" "product" "" "median"}} after the start, on a million attributions.
`},
}

func main() {
	for page, texts := range blocks {
		if err := update("../"+page, "RESULTS.md", texts); err != nil {
			fmt.Fprintln(os.Stderr, "figures:", err)
			os.Exit(1)
		}
	}
}

func update(page, results string, texts map[string]string) error {
	old, filled, err := fill(page, results, texts)
	if err != nil || filled == old {
		return err
	}
	return os.WriteFile(page, []byte(filled), 0o644)
}

// fill returns the text of a page as it is and as it should be.
func fill(page, results string, texts map[string]string) (old, filled string, err error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", "", err
	}
	t, err := readTable(results)
	if err != nil {
		return "", "", err
	}
	old, filled = string(text), string(text)
	for name, source := range texts {
		tmpl, err := template.New(name).Funcs(t.functions()).Parse(source)
		if err != nil {
			return "", "", err
		}
		var b strings.Builder
		if err := tmpl.Execute(&b, nil); err != nil {
			return "", "", err
		}
		before, rest, found := strings.Cut(filled, "<!-- figures: "+name+" -->\n")
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			return "", "", fmt.Errorf("%s has no place for the figures %q: add its two comments", page, name)
		}
		filled = before + "<!-- figures: " + name + " -->" + b.String() + "<!-- end -->" + after
	}
	return old, filled, nil
}

// table is the table of runs: cells by header.
type table []map[string]string

func readTable(results string) (t table, err error) {
	text, err := os.ReadFile(results)
	if err != nil {
		return nil, err
	}
	_, runs, _ := strings.Cut(string(text), "\n## Runs\n\n")
	runs, _, _ = strings.Cut(runs, "\n\n")
	lines := strings.Split(runs, "\n")
	if len(lines) < 3 {
		return nil, errors.New("RESULTS.md has no table of runs: write it with make bench")
	}
	header := cells(lines[0])
	for _, line := range lines[2:] {
		row := make(map[string]string)
		for i, c := range cells(line) {
			row[header[i]] = c
		}
		t = append(t, row)
	}
	return t, nil
}

func cells(line string) []string {
	all := strings.Split(strings.Trim(line, "|"), "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

func (t table) functions() template.FuncMap {
	median := func(what, server, conns string) (string, error) {
		c, err := t.cell(what, server, conns, "median")
		return strings.TrimSuffix(c, " /s"), err
	}
	return template.FuncMap{"cell": t.cell, "median": median, "ratio": t.ratio, "limit": t.limit}
}

func (t table) cell(what, server, conns, column string) (string, error) {
	for _, row := range t {
		if row["workload"] == what && row["server"] == server && row["conns"] == conns {
			return row[column], nil
		}
	}
	return "", fmt.Errorf("RESULTS.md has no run of %s, %s, %s connections", what, server, conns)
}

// ratio returns the product's ratio to another server in the same workload.
func (t table) ratio(what, conns, server string) (string, error) {
	all, err := t.cell(what, "product", conns, "ratio per round to")
	for _, one := range strings.Split(all, ", ") {
		number, _, _ := strings.Cut(one, " × ")
		if strings.Contains(", "+all+",", ", "+number+" × "+server+",") {
			return number, err
		}
	}
	return "", errors.Join(err, fmt.Errorf("RESULTS.md has no ratio of %s to %s", what, server))
}

// limit rounds memory up to a multiple of 32 MiB.
func (t table) limit(what, server, conns string) (int, error) {
	text, err := t.cell(what, server, conns, "peak RSS")
	if err != nil {
		return 0, err
	}
	var mib float64
	_, err = fmt.Sscanf(text, "%g MiB", &mib)
	return (int(mib)/32 + 1) * 32, err
}
