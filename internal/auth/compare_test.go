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

// TestSecretsAreComparedInConstantTime reads this package and lists every comparison of text or bytes
// that ends at the first difference. None of those listed here has a secret on the side that the
// caller does not know; a new one must be written with crypto/subtle, or be argued for here.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	want := []string{
		"id.UserID != session.UserID",          // ids are no secret, and both are known to be signed in
		"slices.Contains(cookies[:i], cookie)", // the caller's own cookies among each other
		"subtle: sum[:], s.CSRF[:]",
		"subtle: token, []byte(cookie)",
	}
	if diff := cmp.Diff(want, comparisons(t, ".")); diff != "" {
		t.Errorf("comparisons (-argued for +in the code):\n%s", diff)
	}
}

// TestAComparisonThatLeaksIsSeen shows that the list above would grow.
func TestAComparisonThatLeaksIsSeen(t *testing.T) {
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
		t.Errorf("comparisons (-written +seen):\n%s", diff)
	}
}

// comparisons lists, in order and once each, what compares text, bytes or hashes in the package.
func comparisons(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		// user.go knows no secret, and what it imports takes seconds to read.
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "user.go" {
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

// comparison returns the text of a comparison, and nothing for any other piece of code.
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

// comparingCall tells calls of the libraries that compare.
func comparingCall(call *ast.CallExpr) string {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	room, ok := f.X.(*ast.Ident)
	if !ok {
		return ""
	}
	switch room.Name {
	case "subtle":
		return fmt.Sprintf("subtle: %s, %s", types.ExprString(call.Args[0]), types.ExprString(call.Args[1]))
	case "bytes", "slices", "strings", "maps", "reflect":
		return types.ExprString(call)
	}
	return ""
}

// couldBeSecret tells text, bytes and hashes from what no secret is made of. A constant is none.
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
