package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryTestThatTheSecurityPageNamesExists keeps docs/security.md from promising what nothing holds.
func TestEveryTestThatTheSecurityPageNamesExists(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9/_-]+_test\\.go):(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	if mentions := strings.Count(string(page), "_test.go"); len(named) != mentions || mentions < 50 {
		t.Errorf("%d of %d mentions of tests are written as file:TestName", len(named), mentions)
	}
	for _, m := range named {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[1])))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(source), "\nfunc "+m[2]+"(t *testing.T) {") {
			t.Errorf("%s has no %s", m[1], m[2])
		}
	}
}
