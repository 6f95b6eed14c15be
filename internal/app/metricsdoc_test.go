package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/server"
)

// readDoc returns a page of docs.
func readDoc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentationNamesEveryLabelValue(t *testing.T) {
	t.Parallel()
	text := readDoc(t, "operating.md") + readDoc(t, "api.md")
	for _, a := range server.Answers() {
		for _, word := range []string{a.Route, a.Outcome} {
			if !strings.Contains(text, "`"+word+"`") {
				t.Errorf("%s is in neither operating.md nor api.md", word)
			}
		}
	}
}

// TestMetricsExamplesAreValid parses the examples of the page and the alerts, which must use outcomes that exist.
func TestMetricsExamplesAreValid(t *testing.T) {
	t.Parallel()
	_, section, _ := strings.Cut(readDoc(t, "operating.md"), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## The spool\n")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples, not 2", len(blocks))
	}
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(blocks[0][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Sources{File: file, Getenv: func(string) string { return "" }})
	if err != nil || c.Metrics.Listen == "" {
		t.Errorf("the configuration: %+v, %v", c.Metrics, err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Annotations      struct{ Summary string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readDoc(t, "alerts.yaml")), &rules); err != nil || len(rules.Groups) != 1 {
		t.Fatalf("the alerts: %v", err)
	}
	known := []string{server.OtherRoute}
	for _, a := range server.Answers() {
		known = append(known, a.Outcome)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || r.Expr == "" || r.Annotations.Summary == "" {
			t.Errorf("an alert is incomplete: %+v", r)
		}
		for _, asked := range regexp.MustCompile(`outcome=~?"([^"]+)"`).FindAllStringSubmatch(r.Expr, -1) {
			for word := range strings.SplitSeq(asked[1], "|") {
				if !slices.Contains(known, word) {
					t.Errorf("%s uses the outcome %s, which does not exist", r.Alert, word)
				}
			}
		}
	}
}
