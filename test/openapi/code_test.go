package openapi

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
)

func TestReasonsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	var code []string
	for _, r := range referral.Reasons {
		code = append(code, string(r))
	}
	if diff := cmp.Diff(code, d.enum(t, "Reason")); diff != "" {
		t.Errorf("code and document differ (-code +document):\n%s", diff)
	}
	post := d.operation(t, "POST", "/v1/auth/attribute")
	ok, _ := post.Responses.Codes.Get("200")
	examples := slices.Collect(jsonOf(ok).Examples.KeysFromOldest())
	if diff := cmp.Diff(append([]string{"attributed"}, code...), examples); diff != "" {
		t.Errorf("code and examples differ (-code +document):\n%s", diff)
	}
}

func TestRoutesAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	var documented []string
	for _, op := range d.operations() {
		documented = append(documented, op.String())
	}
	code := readServer(t).routes()
	slices.Sort(code)
	slices.Sort(documented)
	if diff := cmp.Diff(code, documented); diff != "" {
		t.Errorf("code and document differ (-code +document):\n%s", diff)
	}
}

func TestErrorTagsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	code := readServer(t).tags(t)
	if diff := cmp.Diff(code, d.enum(t, "ErrorTag")); diff != "" {
		t.Errorf("code and document differ (-code +document):\n%s", diff)
	}
}

// TestTheClientsKnowTheSameWords reads the lists that the clients' sources have.
func TestTheClientsKnowTheSameWords(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	for _, list := range []struct{ file, from, to, schema string }{
		{"sdk/typescript/src/attribution.ts", "export const reasons = [", "]", "Reason"},
		{"sdk/typescript/src/errors.ts", "export type ErrorCode =", ";", "ErrorTag"},
		{"sdk/python/src/triport/_attribution.py", "Reason = Literal[", "]", "Reason"},
	} {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(list.file)))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := strings.Cut(string(source), list.from)
		rest, _, closed := strings.Cut(rest, list.to)
		if !found || !closed {
			t.Fatalf("%s has no %q", list.file, list.from)
		}
		var words []string
		for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(rest, -1) {
			if m[1] != "unexpected_response" { // the client's own: the answer was not the server's
				words = append(words, m[1])
			}
		}
		if diff := cmp.Diff(d.enum(t, list.schema), words); diff != "" {
			t.Errorf("%s and the document differ (-document +client):\n%s", list.file, diff)
		}
	}
}

// enum is the list of words of a schema.
func (d *document) enum(t *testing.T, name string) []string {
	t.Helper()
	schema, ok := d.Components.Schemas.Get(name)
	if !ok {
		t.Fatalf("the document has no schema %s", name)
	}
	var values []string
	for _, node := range schema.Schema().Enum {
		values = append(values, node.Value)
	}
	return values
}

func (d *document) operation(t *testing.T, method, path string) operation {
	t.Helper()
	for _, op := range d.operations() {
		if op.method == method && op.path == path {
			return op
		}
	}
	t.Fatalf("the document has no %s %s", method, path)
	return operation{}
}

// source is the server's package with the values of its constants.
type source struct {
	files []*ast.File
	info  *types.Info
}

// readServer type-checks the package alone: what it imports is unknown, its own constants are not.
func readServer(t *testing.T) source {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal", "server", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	s := source{info: &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, file)
	}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	_, _ = config.Check("server", fset, s.files, s.info)
	return s
}

type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}

func (s source) text(e ast.Expr) (string, bool) {
	v := s.info.Types[e].Value
	if v == nil || v.Kind() != constant.String {
		return "", false
	}
	return constant.StringVal(v), true
}

// routes are what the route table says, and the preflight, which stands before it.
func (s source) routes() []string {
	found := []string{"OPTIONS /v1/auth/attribute"}
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if table, ok := sel.X.(*ast.Ident); !ok || table.Name != "app" {
				return true
			}
			path, ok := s.text(call.Args[0])
			if !ok {
				path = "a path that is not constant"
			}
			path = regexp.MustCompile(`:(\w+)`).ReplaceAllString(path, "{$1}")
			method := strings.ToUpper(sel.Sel.Name)
			found = append(found, method+" "+path)
			if method == "GET" {
				found = append(found, "HEAD "+path) // the router's Get takes both
			}
			return true
		})
	}
	return found
}

// tags are those of the vocabulary of refusals, in its order and without repetition.
func (s source) tags(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, file := range s.files {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); !ok || name.Name != "fault" {
				return true
			}
			for _, element := range literal.Elts {
				pair, ok := element.(*ast.KeyValueExpr)
				if !ok || pair.Key.(*ast.Ident).Name != "tag" {
					continue
				}
				// A tag that is not constant is another fault's.
				if tag, ok := s.text(pair.Value); ok && !slices.Contains(found, tag) {
					found = append(found, tag)
				}
			}
			return true
		})
	}
	if len(found) < 5 {
		t.Fatalf("the code has the tags %q, which cannot be all", found)
	}
	return found
}
