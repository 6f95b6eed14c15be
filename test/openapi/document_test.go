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

// document is docs/openapi.yaml with a validator for it.
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

func TestTheDocumentIsOpenAPI(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	if ok, errs := d.validator.ValidateDocument(); !ok {
		t.Error(words(errs))
	}
	if d.Version != "3.1.0" {
		t.Errorf("version %s", d.Version)
	}
}

// words are the validator's complaints, one a line.
func words(errs []*verrors.ValidationError) string {
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

// operation is one method of one path, as the document has it.
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

// jsonOf is what the document says of a response's JSON body; nil when it has none.
func jsonOf(response *v3.Response) *v3.MediaType {
	if response.Content == nil {
		return nil
	}
	return response.Content.GetOrZero("application/json")
}

// check holds an answer against what the document says of an operation.
func (d *document) check(t *testing.T, op operation, res *http.Response) {
	t.Helper()
	target := strings.Replace(op.path, "{code}", "some-code", 1)
	req, err := http.NewRequest(op.method, "https://api.triport.io"+target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if ok, errs := d.validator.ValidateHttpResponse(req, res); !ok {
		t.Errorf("%s answered %d: %s", op, res.StatusCode, words(errs))
	}
	documented, ok := op.Responses.Codes.Get(strconv.Itoa(res.StatusCode))
	if !ok {
		t.Errorf("%s answered %d, which the document does not know", op, res.StatusCode)
		return
	}
	known := []string{"Date", "Content-Length", "Content-Type", "Connection"} // of HTTP itself
	for name := range documented.Headers.FromOldest() {
		known = append(known, http.CanonicalHeaderKey(name))
	}
	for name, values := range res.Header {
		if !slices.Contains(known, name) || len(values) != 1 {
			t.Errorf("%s answered %d with %s: %q, which the document does not know", op, res.StatusCode, name, values)
		}
	}
	if hasType := res.Header.Get("Content-Type") != ""; hasType && (documented.Content == nil || documented.Content.Len() == 0) && op.method != "HEAD" {
		t.Errorf("%s answered %d with a body, which the document does not know", op, res.StatusCode)
	}
}

// TestExamplesAreAnswers holds the document's examples against its schemas, as if the server had said them.
func TestExamplesAreAnswers(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	seen := 0
	for _, op := range d.operations() {
		for status, response := range op.Responses.Codes.FromOldest() {
			header := exampleHeaders(t, response)
			media := jsonOf(response)
			if media == nil || op.method == "HEAD" { // whose answers are without their bodies
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
				seen++
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				if tag, isError := body.(map[string]any)["error"]; isError && tag != name {
					t.Errorf("%s %s: the example %s is of %v", op, status, name, tag)
				}
				code, err := strconv.Atoi(status)
				if err != nil {
					t.Fatal(err)
				}
				d.check(t, op, &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(bytes.NewReader(text))})
			}
		}
	}
	if seen < 50 {
		t.Errorf("%d examples, want more", seen)
	}
}

// exampleHeaders are the headers of an answer as the document gives examples of them: a constant is
// its own.
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
