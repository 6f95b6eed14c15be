package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/triport/triport-console/internal/server"
)

const metricsDocument = "../../docs/metrics.md"

// TestTheDocumentOfTheMetricsNamesEveryWordOfALabel keeps the vocabulary and the page together.
func TestTheDocumentOfTheMetricsNamesEveryWordOfALabel(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(metricsDocument)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range server.Answers() {
		for _, word := range []string{a.Route, a.Outcome} {
			if !strings.Contains(string(text), "`"+word+"`") {
				t.Errorf("%s is not in %s", word, metricsDocument)
			}
		}
	}
}

// TestTheExamplesOfTheMetricsCanBeUsed reads them as the programs do that they are for, as far as the
// syntax goes, and demands that the alarms ask for outcomes that exist.
func TestTheExamplesOfTheMetricsCanBeUsed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(metricsDocument)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples, not 3", len(blocks))
	}
	if c, _, err := load(t, blocks[0][1], nil); err != nil || c.Metrics.Listen == "" {
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
	if err := yaml.Unmarshal([]byte(blocks[2][1]), &rules); err != nil || len(rules.Groups) != 1 {
		t.Fatalf("the alarms: %v", err)
	}
	known := []string{server.OtherRoute}
	for _, a := range server.Answers() {
		known = append(known, a.Outcome)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || r.Expr == "" || r.Annotations.Summary == "" {
			t.Errorf("an alarm lacks something: %+v", r)
		}
		for _, asked := range regexp.MustCompile(`outcome=~?"([^"]+)"`).FindAllStringSubmatch(r.Expr, -1) {
			for word := range strings.SplitSeq(asked[1], "|") {
				if !slices.Contains(known, word) {
					t.Errorf("%s asks for the outcome %s, which there is not", r.Alert, word)
				}
			}
		}
	}
}
