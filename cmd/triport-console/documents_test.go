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

// TestEveryTestThatTheGuaranteesNameExists does the same for docs/guarantees.md, which names them without
// their files.
func TestEveryTestThatTheGuaranteesNameExists(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "guarantees.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, pattern := range []string{"internal/*/*_test.go", "cmd/*/*_test.go", "test/torture/*/*_test.go"} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(source)
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !strings.Contains(sources.String(), "\nfunc "+m[1]+"(t *testing.T) {") {
			t.Errorf("there is no %s", m[1])
		}
	}
}
