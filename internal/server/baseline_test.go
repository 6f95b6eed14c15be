package server_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/server"
)

// baseline is everything that the server answers to harmless requests. The answer to any other request is made of the
// same pieces, or else it contains something of the request.
type baseline struct {
	headers  map[string]bool   // "Name: value" of those whose value is always one of a few
	messages map[string]string // of the errors, by tag
}

// varying are the headers that differ between answers, with the form of their values.
var varying = map[string]*regexp.Regexp{
	"Access-Control-Allow-Origin": regexp.MustCompile(`(?i)^https://console\.example\.com(:0*443)?$`),
	"Content-Length":              regexp.MustCompile(`^[0-9]+$`),
	"Date":                        regexp.MustCompile(`^[A-Za-z0-9,: ]+$`),
	"Set-Cookie":                  regexp.MustCompile(`^ref_code=([a-z0-9-]{3,32})?; [A-Za-z0-9=;:,/. -]+$`),
	"X-Request-Id":                keptIDForm,
}

// recordBaseline asks both servers for every kind of answer.
func (s *fuzzServer) recordBaseline(t testing.TB) {
	t.Helper()
	s.baseline = baseline{headers: map[string]bool{"Connection: close": true, "Connection: keep-alive": true}, messages: make(map[string]string)}
	a := s.in(t).account()
	signedIn := cookies("nl_session="+a.Session, "nl_csrf="+a.CSRF)
	origin, proof := "Origin: "+pageOrigin, "X-CSRF-Token: "+a.CSRF
	for _, raw := range []string{
		request("GET / HTTP/1.1", origin), request("GET /r/abc HTTP/1.1"), request("GET /healthz HTTP/1.1"), request("GET /x HTTP/1.1"),
		request("POST / HTTP/1.1"), request("POST /v1/auth/attribute HTTP/1.1"), request("GET /v1/auth/attribute HTTP/1.1"),
		request("GET /v1/x HTTP/1.1"), request("POST /v1/auth/attribute HTTP/1.1", signedIn),
		request("POST /v1/auth/attribute HTTP/1.1", signedIn, "X-CSRF-Token: x"),
		request("POST /v1/auth/attribute HTTP/1.1", signedIn, origin, proof),
		request("OPTIONS /v1/auth/attribute HTTP/1.1", origin, "Access-Control-Request-Method: POST"),
		request("OPTIONS /v1/auth/attribute HTTP/1.1", "Origin: null", "Access-Control-Request-Method: POST"),
		request("GET / HTTP/1.3"), request("GET / HTTP/1.1", "Content-Length: 65537"),
		request("GET / HTTP/1.1", "X-Long: "+strings.Repeat("x", 20<<10)),
	} {
		for _, addr := range []string{s.addr, s.proxied} {
			ts := s.in(t)
			ts.addr = addr
			s.baseline.learn(t, ts.ask(raw))
		}
	}
}

func (b baseline) learn(t testing.TB, answer response) {
	t.Helper()
	for name := range answer.header {
		if varying[name] == nil {
			b.headers[name+": "+answer.one(t, name)] = true
		}
	}
	if answer.status < 400 {
		return
	}
	var envelope struct{ Error, Message string }
	if err := json.Unmarshal([]byte(answer.body), &envelope); err != nil {
		t.Fatalf("%q: %v", answer.body, err)
	}
	b.messages[envelope.Error] = envelope.Message
}

// tags are those of the errors, by status.
var tags = map[int][]string{
	400: {"bad_request"}, 401: {"unauthenticated"}, 403: {"csrf_missing", "csrf_invalid"}, 404: {"not_found"},
	405: {"method_not_allowed"}, 413: {"payload_too_large"}, 431: {"headers_too_large"},
}

// bodies are those of the answers that are not errors.
var bodies = regexp.MustCompile(`^(\{"attributed":(true|false,"reason":"[a-z_]+")\}|\{"status":"ok"\}|)$`)

// wantNothingNew checks that the answer is made of pieces of the baseline only.
func (b baseline) wantNothingNew(t *testing.T, got response) {
	t.Helper()
	for name := range got.header {
		value := got.one(t, name)
		if form := varying[name]; form != nil && !form.MatchString(value) || form == nil && !b.headers[name+": "+value] {
			t.Errorf("%s: %q is not a header of an answer", name, value)
		}
	}
	if got.one(t, "Cache-Control") == "" || got.one(t, "X-Request-Id") == "" {
		t.Errorf("Cache-Control or X-Request-Id is missing: %v", got.header)
	}
	if got.status < 400 {
		if !slices.Contains([]int{200, 204, 302}, got.status) || got.body != server.LandingPage && !bodies.MatchString(got.body) {
			t.Errorf("%d %q is not an answer", got.status, got.body)
		}
		return
	}
	if got.body == "" {
		return // to HEAD
	}
	isEnvelope := func(tag string) bool { return got.body == b.envelope(tag, got.one(t, "X-Request-Id")) }
	if !slices.ContainsFunc(tags[got.status], isEnvelope) || got.one(t, "Content-Type") != "application/json" {
		t.Errorf("%d %q is not an error", got.status, got.body)
	}
}

// envelope returns the body of an error, byte for byte.
func (b baseline) envelope(tag, id string) string {
	message, err := json.Marshal(b.messages[tag])
	if err != nil || b.messages[tag] == "" {
		return ""
	}
	return `{"error":` + strconv.Quote(tag) + `,"message":` + string(message) + `,"request_id":` + strconv.Quote(id) + `}`
}

// wantTag checks that the answer is the error with that tag.
func (got response) wantTag(t *testing.T, tag string) {
	t.Helper()
	if !strings.HasPrefix(got.body, `{"error":"`+tag+`",`) {
		t.Errorf("body %q, want the error %s", got.body, tag)
	}
}
