package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/triport/triport-console/internal/referral"
)

var repository = filepath.Join("..", "..")

// readRepository returns the content of a file of the repository.
func readRepository(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns the text from a heading to the next heading.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		t.Fatalf("the page has no heading %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n#")
	return text
}

func TestDocsNameExistingTests(t *testing.T) {
	t.Parallel()
	existing := testNames(t)
	for page, least := range map[string]int{"docs/security.md": 50, "docs/testing.md": 30} {
		named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(readRepository(t, page), -1)
		if len(named) < least {
			t.Errorf("%s names only %d tests", page, len(named))
		}
		for _, m := range named {
			if !existing[m[1]] {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	}
}

// testNames returns the names of all tests of the product and of the suites.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\) \{`)
	for _, dir := range []string{"cmd", "internal", "test"} {
		walk(t, filepath.Join(repository, dir), "_test.go", func(path string) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range function.FindAllSubmatch(source, -1) {
				names[string(m[1])] = true
			}
		})
	}
	return names
}

// walk calls f for every file below dir whose name ends with suffix.
func walk(t *testing.T, dir, suffix string, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, suffix) {
			f(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPIPageListsEveryReason(t *testing.T) {
	t.Parallel()
	var code, documented []string
	details := []string{referral.DetailNoSuchCode}
	for _, r := range referral.Reasons {
		code = append(code, fmt.Sprint(r.Reason, " ", r.Audited))
		details = slices.AppendSeq(details, maps.Keys(r.Details))
	}
	text := section(t, readRepository(t, "docs/api.md"), "### Reasons")
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|.*\\| (yes|no)\\b[^|]*\\|$").FindAllStringSubmatch(text, -1) {
		documented = append(documented, fmt.Sprint(m[1], " ", m[2] == "yes"))
	}
	if diff := cmp.Diff(code, documented); diff != "" {
		t.Errorf("reasons and whether they are audited (-code +docs/api.md):\n%s", diff)
	}
	for _, detail := range details {
		if !strings.Contains(text, "`"+detail+"`") {
			t.Errorf("docs/api.md does not name the detail %s", detail)
		}
	}
}

// The keys are those of the example file, which a test of the configuration compares with the code.
func TestCLIPageListsEveryKey(t *testing.T) {
	t.Parallel()
	var example map[string]any
	if err := yaml.Unmarshal([]byte(readRepository(t, "configs/triport-console.example.yaml")), &example); err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string)
	rows := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (\\S+) \\|")
	for _, m := range rows.FindAllStringSubmatch(section(t, readRepository(t, "docs/cli.md"), "## Configuration"), -1) {
		documented[m[1]] = m[2]
	}
	if diff := cmp.Diff(defaults("", example), documented); diff != "" {
		t.Errorf("keys and defaults (-example +docs/cli.md):\n%s", diff)
	}
}

// defaults returns the keys of a configuration with their values, as docs/cli.md shows them.
func defaults(prefix string, values map[string]any) map[string]string {
	all := make(map[string]string)
	for name, value := range values {
		switch value := value.(type) {
		case map[string]any:
			for key, shown := range defaults(prefix+name+".", value) {
				all[key] = shown
			}
		case string:
			all[prefix+name] = "`" + value + "`"
			if value == "" {
				all[prefix+name] = "empty"
			}
		default:
			all[prefix+name] = fmt.Sprintf("`%v`", value)
		}
	}
	return all
}

// logLine is a line of the server's log, in the code or in docs/operating.md.
type logLine struct {
	level, message string
	hint           bool // the operator can do something
}

// Each line that the code logs at warn or error has one row in docs/operating.md, with its level, and each row
// has its line. A row whose third column begins with "nothing" belongs to a line without the field hint.
func TestOperatingPageListsEveryLogLine(t *testing.T) {
	t.Parallel()
	rows := documentedLines(t)
	lines := loggedLines(t)
	if len(rows) < 15 || len(lines) < 15 {
		t.Fatalf("found only %d rows and %d lines", len(rows), len(lines))
	}
	for _, line := range lines {
		if !slices.Contains(rows, line) {
			t.Errorf("docs/operating.md has no row %+v", line)
		}
	}
	for i, row := range rows {
		if !slices.Contains(lines, row) {
			t.Errorf("the code does not log %+v", row)
		}
		if slices.Contains(rows[:i], row) {
			t.Errorf("docs/operating.md has two rows %+v", row)
		}
	}
}

// documentedLines reads the table of docs/operating.md. A row may name several messages.
func documentedLines(t *testing.T) (rows []logLine) {
	t.Helper()
	text := section(t, readRepository(t, "docs/operating.md"), "## Log")
	message := regexp.MustCompile("`([^`]+)`")
	for _, m := range regexp.MustCompile("(?m)^\\| (warn|error) \\| (`.*?`) \\| (.*) \\|$").FindAllStringSubmatch(text, -1) {
		for _, name := range message.FindAllStringSubmatch(m[2], -1) {
			rows = append(rows, logLine{m[1], name[1], !strings.HasPrefix(m[3], "nothing")})
		}
	}
	return rows
}

// loggedLines finds what the code logs at warn or error. It recognizes slog's methods, and a method warn that
// passes its message on, by their names. It rejects the ways of logging that it cannot read.
func loggedLines(t *testing.T) (lines []logLine) {
	t.Helper()
	files := token.NewFileSet()
	inspect := func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "warn" {
			return false
		}
		if s, ok := n.(*ast.SelectorExpr); ok &&
			slices.Contains([]string{"LevelWarn", "LevelError", "WarnContext", "ErrorContext"}, s.Sel.Name) {
			t.Errorf("%s: log it with Warn or Error", files.Position(n.Pos()))
		}
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Warn", "warn", "Error"}, method.Sel.Name) {
			return true
		}
		message, ok := literal(call.Args[0])
		if !ok {
			t.Errorf("%s: the message is not a literal", files.Position(n.Pos()))
			return true
		}
		hint := slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
			name, ok := literal(arg)
			return ok && name == "hint"
		})
		lines = append(lines, logLine{strings.ToLower(method.Sel.Name), message, hint})
		return true
	}
	walk(t, filepath.Join(repository, "internal"), ".go", func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, inspect)
	})
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
