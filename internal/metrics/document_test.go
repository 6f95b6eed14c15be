package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents name metrics in a table and in alarms.
var documents = []string{"../../docs/operating.md", "../../docs/alerts.yaml"}

// TestDocumentNamesEveryMetric compares the documents with the metrics page.
func TestDocumentNamesEveryMetric(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Watch(idleSources())
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
	var text []byte
	for _, name := range documents {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, content...)
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
			t.Errorf("%s is in the document but does not exist", name)
		}
	}
}
