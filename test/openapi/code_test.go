package openapi

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/server"
)

func TestReasonsMatchTheCode(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	var code []string
	for _, r := range referral.Reasons {
		code = append(code, string(r.Reason))
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

func TestRoutesMatchTheCode(t *testing.T) {
	t.Parallel()
	var documented, code []string
	for _, op := range openDocument(t).operations() {
		documented = append(documented, op.String())
	}
	for _, r := range server.Routes {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(r.Path, "{$1}")
		for _, method := range r.Methods {
			code = append(code, method+" "+path)
		}
		if r.CORS {
			code = append(code, "OPTIONS "+path)
		}
	}
	slices.Sort(code)
	slices.Sort(documented)
	if diff := cmp.Diff(code, documented); diff != "" {
		t.Errorf("code and document differ (-code +document):\n%s", diff)
	}
}

func TestErrorTagsMatchTheCode(t *testing.T) {
	t.Parallel()
	var code []string
	for _, a := range server.Answers() {
		if a.Status >= 400 {
			code = append(code, a.Outcome)
		}
	}
	slices.Sort(code)
	documented := openDocument(t).enum(t, "ErrorTag")
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Compact(code), documented); diff != "" {
		t.Errorf("code and document differ (-code +document):\n%s", diff)
	}
}

// TestClientsListTheSameReasonsAndErrors reads the lists in the source code of the clients.
func TestClientsListTheSameReasonsAndErrors(t *testing.T) {
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
		_, rest, ok := strings.Cut(string(source), list.from)
		rest, _, ok2 := strings.Cut(rest, list.to)
		if !ok || !ok2 {
			t.Errorf("%s has no list %s…%s", list.file, list.from, list.to)
			continue
		}
		var values []string
		for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(rest, -1) {
			if m[1] != "unexpected_response" { // the client's own code for a response of another server
				values = append(values, m[1])
			}
		}
		if diff := cmp.Diff(d.enum(t, list.schema), values); diff != "" {
			t.Errorf("%s and the document differ (-document +client):\n%s", list.file, diff)
		}
	}
}

// enum returns the values of an enumeration in the document.
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
