package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const document = "../../docs/metrics.md"

// TestTheDocumentNamesEveryFigureAndNoOther holds the tables and the alarms against the page.
func TestTheDocumentNamesEveryFigureAndNoOther(t *testing.T) {
	t.Parallel()
	m := newTestMetrics()
	m.Watch(quiet())
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), namespace+"_") {
			types[f.GetName()] = strings.ToLower(f.GetType().String())
		}
	}
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(triport_[a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	for name, kind := range types {
		if documented[name] != kind {
			t.Errorf("%s is a %s, documented as %q", name, kind, documented[name])
		}
	}
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, name := range slices.Compact(regexp.MustCompile(`triport_[a-z_]+`).FindAllString(string(text), -1)) {
		if types[name] == "" && types[suffix.ReplaceAllString(name, "")] != "histogram" {
			t.Errorf("%s is in the document, and nowhere else", name)
		}
	}
}
