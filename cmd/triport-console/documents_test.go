package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// logLine is a line that the server logs, as the code has it or as the operators' table does.
type logLine struct {
	level, message string // the table has the beginning of the message
	saysDo         bool   // there is something to do, and a field that says what
}

// TestEveryLineThatWantsAnOperatorStandsInTheirTable holds the table of docs/operating.md against every line
// that the code logs at warn or error: each stands in one row, of its level, and no row outlives its line.
// A line has the field do exactly where its row does not begin with nothing.
func TestEveryLineThatWantsAnOperatorStandsInTheirTable(t *testing.T) {
	t.Parallel()
	rows, lines := operatorsTable(t), loggedLines(t, filepath.Join("..", "..", "internal"))
	if len(rows) < 15 || len(lines) < 15 {
		t.Fatalf("%d rows and %d lines were found: the test looks at the wrong place", len(rows), len(lines))
	}
	for _, line := range lines {
		begins := func(with string) bool { return strings.HasPrefix(line.message, with) }
		ofLine := slices.DeleteFunc(slices.Clone(rows), func(row logLine) bool { return !begins(row.message) })
		if len(ofLine) != 1 {
			t.Errorf("%q stands in %d rows, want one", line.message, len(ofLine))
			continue
		}
		if row := ofLine[0]; row.level != line.level {
			t.Errorf("%q is logged at %s, and stands there with %s", line.message, line.level, row.level)
		} else if row.saysDo != line.saysDo {
			t.Errorf("%q: has it the field do: %t; has its row something to do: %t", line.message, line.saysDo, row.saysDo)
		}
	}
	for _, row := range rows {
		if !slices.ContainsFunc(lines, func(line logLine) bool { return strings.HasPrefix(line.message, row.message) }) {
			t.Errorf("nothing logs %q", row.message)
		}
	}
}

// operatorsTable reads the rows of the table in docs/operating.md, one for each message.
func operatorsTable(t *testing.T) (rows []logLine) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| (warn|error) \\| (`.*?`) \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		for message := range strings.SplitSeq(m[2], ", ") {
			rows = append(rows, logLine{m[1], strings.Trim(message, "`"), !strings.HasPrefix(m[3], "nothing")})
		}
	}
	return rows
}

// loggedLines finds what the code below the folder logs at warn or error. It knows the calls by the names of
// slog's methods, and refuses the ways of logging that it could not read.
func loggedLines(t *testing.T, folder string) (lines []logLine) {
	t.Helper()
	files := token.NewFileSet()
	look := func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok &&
			slices.Contains([]string{"LevelWarn", "LevelError", "WarnContext", "ErrorContext"}, s.Sel.Name) {
			t.Errorf("%s: log it with Warn or Error", files.Position(n.Pos()))
		}
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || method.Sel.Name != "Warn" && method.Sel.Name != "Error" {
			return true
		}
		message, ok := literal(call.Args[0])
		if !ok {
			t.Errorf("%s: the message is no literal", files.Position(n.Pos()))
			return true
		}
		lines = append(lines, logLine{strings.ToLower(method.Sel.Name), message, slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
			name, ok := literal(arg)
			return ok && name == "do"
		})})
		return true
	}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err == nil {
			ast.Inspect(file, look)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// literal returns the text of a string literal.
func literal(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
