package auth

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSecretsAreComparedInConstantTime lists every comparison of text or bytes in this package that ends at the first
// difference. None of them compares with a secret that the caller does not know. A new comparison must use
// crypto/subtle, or be listed here with its reason.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	want := []string{
		"id.UserID != session.UserID",          // ids are no secrets, and both users are signed in
		"slices.Contains(cookies[:i], cookie)", // both are cookies of the caller
		"strings.Trim(s, tokenCharacter)",      // the form of the caller's own cookie
		"subtle: sum[:], s.CSRF[:]",
		"subtle: token, []byte(cookie)",
	}
	if diff := cmp.Diff(want, comparisons(t, ".")); diff != "" {
		t.Errorf("comparisons (-want +got):\n%s", diff)
	}
}

// TestComparisonsAreFound checks the search of the test above.
func TestComparisonsAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code := `package leak
import ("bytes"; "slices"; "strings")
type Hash [4]byte
func f(a, b Hash, s, u string, x []byte, m map[string]int, k map[Hash]int) {
	_ = a == b
	_ = s != u
	_ = s == ""
	_ = len(s) == 3
	_ = bytes.Equal(x, x)
	_ = slices.Equal(x, x)
	_ = strings.EqualFold(s, u)
	_ = strings.HasPrefix(s, u)
	_ = m[s] + k[a]
	switch s { case u: }
}`
	if err := os.WriteFile(dir+"/leak.go", []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"a == b", "bytes.Equal(x, x)", "k[a]", "m[s]", "s != u", "slices.Equal(x, x)", "strings.EqualFold(s, u)",
		"strings.HasPrefix(s, u)", "switch s"}
	if diff := cmp.Diff(want, comparisons(t, dir)); diff != "" {
		t.Errorf("comparisons (-want +got):\n%s", diff)
	}
}

// comparisons lists the comparisons of text, bytes or hashes in the package, sorted, each once.
func comparisons(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		// user.go and origin.go have no secrets, and the imports of user.go take seconds to read.
		noSecrets := e.Name() == "user.go" || e.Name() == "origin.go"
		if noSecrets || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, dir+"/"+e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := config.Check(dir, fset, files, info); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if c := comparison(n, info); c != "" {
				found = append(found, c)
			}
			return true
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// comparison returns the text of a comparison, and nothing for other code.
func comparison(n ast.Node, info *types.Info) string {
	secret := func(e ast.Expr) bool { return couldBeSecret(info.Types[e]) }
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && secret(n.X) && secret(n.Y) {
			return types.ExprString(n)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil && secret(n.Tag) {
			return "switch " + types.ExprString(n.Tag)
		}
	case *ast.IndexExpr:
		if _, isMap := info.Types[n.X].Type.Underlying().(*types.Map); isMap && secret(n.Index) {
			return types.ExprString(n)
		}
	case *ast.CallExpr:
		return comparingCall(n)
	}
	return ""
}

// comparingCall returns the text of a call to a library that compares.
func comparingCall(call *ast.CallExpr) string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := f.X.(*ast.Ident)
	if !ok {
		return ""
	}
	switch pkg.Name {
	case "subtle":
		return fmt.Sprintf("subtle: %s, %s", types.ExprString(call.Args[0]), types.ExprString(call.Args[1]))
	case "bytes", "slices", "strings", "maps", "reflect":
		return types.ExprString(call)
	}
	return ""
}

// couldBeSecret reports whether a value is text, bytes or a hash, and not a constant.
func couldBeSecret(v types.TypeAndValue) bool {
	if v.Type == nil || v.Value != nil {
		return false
	}
	switch u := v.Type.Underlying().(type) {
	case *types.Basic:
		return u.Info()&types.IsString != 0
	case *types.Array, *types.Slice, *types.Struct:
		return true
	}
	return false
}
