package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	verrors "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// document is docs/openapi.yaml with its validator.
type document struct {
	*v3.Document
	validator validator.Validator
}

func openDocument(t *testing.T) *document {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, "docs", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := libopenapi.NewDocument(source)
	if err != nil {
		t.Fatal(err)
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return &document{Document: &model.Model, validator: v}
}

func TestDocumentIsValidOpenAPI(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	if ok, errs := d.validator.ValidateDocument(); !ok {
		t.Error(describe(errs))
	}
	if d.Version != "3.1.0" {
		t.Errorf("version %s", d.Version)
	}
}

// describe returns the errors of the validator, one per line.
func describe(errs []*verrors.ValidationError) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "%s: %s", e.Message, e.Reason)
		for _, s := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "; %s", s.Reason)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// operation is one method of one path of the document.
type operation struct {
	method, path string
	*v3.Operation
}

func (o operation) String() string { return o.method + " " + o.path }

func (d *document) operations() []operation {
	var all []operation
	for path, item := range d.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			all = append(all, operation{strings.ToUpper(method), path, op})
		}
	}
	return all
}

// jsonOf returns the JSON body of a documented response; nil if it has none.
func jsonOf(response *v3.Response) *v3.MediaType {
	if response.Content == nil {
		return nil
	}
	return response.Content.GetOrZero("application/json")
}

// check compares a response with the document.
func (d *document) check(t *testing.T, op operation, res *http.Response) {
	t.Helper()
	target := strings.Replace(op.path, "{code}", "some-code", 1)
	req, err := http.NewRequest(op.method, "https://api.triport.io"+target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if ok, errs := d.validator.ValidateHttpResponse(req, res); !ok {
		t.Errorf("%s, response %d: %s", op, res.StatusCode, describe(errs))
	}
	documented, ok := op.Responses.Codes.Get(strconv.Itoa(res.StatusCode))
	if !ok {
		t.Errorf("%s, response %d: the document has no such response", op, res.StatusCode)
		return
	}
	expected := []string{"Date", "Content-Length", "Content-Type", "Connection"} // added by HTTP
	for name := range documented.Headers.FromOldest() {
		expected = append(expected, http.CanonicalHeaderKey(name))
	}
	for name, values := range res.Header {
		if !slices.Contains(expected, name) || len(values) != 1 {
			t.Errorf("%s, response %d: the document has no such header: %s: %q", op, res.StatusCode, name, values)
		}
	}
	if hasType := res.Header.Get("Content-Type") != ""; hasType && (documented.Content == nil || documented.Content.Len() == 0) && op.method != "HEAD" {
		t.Errorf("%s, response %d: the document has no body", op, res.StatusCode)
	}
}

func TestExamplesMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	checked := 0
	for _, op := range d.operations() {
		for status, response := range op.Responses.Codes.FromOldest() {
			header := exampleHeaders(t, response)
			media := jsonOf(response)
			if media == nil || op.method == "HEAD" { // responses to HEAD have no body
				continue
			}
			bodies := make(map[string]any)
			if media.Example != nil {
				bodies["example"] = decodeNode(t, media.Example)
			}
			for name, example := range media.Examples.FromOldest() {
				bodies[name] = decodeNode(t, example.Value)
			}
			if len(bodies) == 0 {
				t.Errorf("%s %s has no example", op, status)
			}
			for name, body := range bodies {
				checked++
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				if tag, isError := body.(map[string]any)["error"]; isError && tag != name {
					t.Errorf("%s %s: the example %s has the error tag %v", op, status, name, tag)
				}
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Fatal(err)
				}
				d.check(t, op, &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(bytes.NewReader(text))})
			}
		}
	}
	if checked < 50 {
		t.Errorf("%d examples, want at least 50", checked)
	}
}

// exampleHeaders returns headers with the values of the document: the example, the constant or the first
// of the enumeration.
func exampleHeaders(t *testing.T, response *v3.Response) http.Header {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	for name, h := range response.Headers.FromOldest() {
		schema := h.Schema.Schema()
		switch {
		case h.Example != nil:
			header.Set(name, h.Example.Value)
		case schema.Const != nil:
			header.Set(name, schema.Const.Value)
		case len(schema.Enum) > 0:
			header.Set(name, schema.Enum[0].Value)
		case h.Required:
			t.Errorf("the header %s has no example", name)
		}
	}
	return header
}
