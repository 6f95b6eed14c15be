package openapi

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/go-yaml"
)

// coverage is the set of responses so far, for example "POST /v1/auth/attribute 403 csrf_missing".
type coverage struct {
	mu        sync.Mutex
	responses map[string]bool
}

func (c *coverage) add(response string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.responses[response] = true
}

// scenario is a raw request with its expected response.
type scenario struct {
	op     string // operation of the document; for unknown paths that of /r/{code}
	raw    string
	status int
	code   string // reason or error tag, if the response has one
}

const (
	attribute  = "POST /v1/auth/attribute"
	listed     = "Origin: " + pageOrigin
	foreign    = "Origin: https://evil.example"
	https      = "X-Forwarded-Proto: https"
	tooLarge   = "Content-Length: 65537"
	twoLengths = "Content-Length: 2\r\nContent-Length: 3"
	wantsPost  = "Access-Control-Request-Method: POST"
)

func TestEveryResponseMatchesTheDocument(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	covered := &coverage{responses: make(map[string]bool)}
	t.Run("scenarios", func(t *testing.T) {
		for name, run := range map[string]func(*testing.T, *runner){
			"outcomes": runOutcomes, "authorization": runAuthorization, "pages": runPages, "limits": runLimits,
			"not eligible": runNotEligible, "limited": runLimited, "locked store": runLockedStore, "unreadable store": runUnreadableStore,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t, &runner{t: t, document: d, covered: covered})
			})
		}
	})
	for _, op := range d.operations() {
		for _, want := range op.responses(t) {
			// No request causes an internal error.
			if !covered.responses[want] && !strings.Contains(want, " 500") {
				t.Errorf("the document has %s, but no scenario got this response", want)
			}
		}
	}
}

// responses returns the documented responses of an operation: each status with each of its codes.
func (op operation) responses(t *testing.T) []string {
	t.Helper()
	var all []string
	for status, response := range op.Responses.Codes.FromOldest() {
		media := jsonOf(response)
		if media == nil || op.method == "HEAD" || media.Examples == nil || media.Examples.Len() == 0 {
			all = append(all, op.String()+" "+status)
			continue
		}
		for _, example := range media.Examples.FromOldest() {
			all = append(all, strings.TrimSpace(op.String()+" "+status+" "+codeOf(decodeNode(t, example.Value))))
		}
	}
	return all
}

func decodeNode(t *testing.T, node *yaml.Node) any {
	t.Helper()
	var v any
	if err := node.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// codeOf returns the reason or the error tag of a body.
func codeOf(body any) string {
	object, _ := body.(map[string]any)
	for _, key := range []string{"reason", "error"} {
		if code, ok := object[key].(string); ok {
			return code
		}
	}
	return ""
}

// runner runs scenarios on a server.
type runner struct {
	t        *testing.T
	document *document
	covered  *coverage
	*testServer
}

func (r *runner) runAll(scenarios ...scenario) {
	r.t.Helper()
	for _, sc := range scenarios {
		r.run(sc)
	}
}

func (r *runner) run(sc scenario) {
	r.t.Helper()
	method, path, _ := strings.Cut(sc.op, " ")
	op := r.document.operation(r.t, method, path)
	sent, _, _ := strings.Cut(sc.raw, " ")
	res := r.send(sent, sc.raw)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var decoded any
	if res.Header.Get("Content-Type") == "application/json" && len(body) > 0 {
		if err := json.Unmarshal(body, &decoded); err != nil {
			r.t.Errorf("%.60q: %v", sc.raw, err)
		}
	}
	if res.StatusCode != sc.status || codeOf(decoded) != sc.code {
		r.t.Errorf("the response to %.60q is %d %s, want %d %q", sc.raw, res.StatusCode, body, sc.status, sc.code)
	}
	r.document.check(r.t, op, res)
	r.covered.add(strings.TrimSpace(op.String() + " " + strconv.Itoa(res.StatusCode) + " " + codeOf(decoded)))
}

func runOutcomes(t *testing.T, r *runner) {
	r.testServer = newServer(t, "cookies: {domain: triport.io}\n")
	ann, bob, cid := r.account("ann"), r.account("bob"), r.account("cid")
	r.runAll(
		scenario{attribute, post(bob, ""), 200, "no_cookie"},
		scenario{attribute, post(bob, "%%%"), 200, "invalid_code"},
		scenario{attribute, post(bob, bob.Code), 200, "self_referral"},
		scenario{attribute, post(bob, "no-such-code"), 200, "unknown_code"},
		scenario{attribute, post(bob, ann.Code, https), 200, ""},
		scenario{attribute, post(bob, cid.Code), 200, "already_attributed"},
		scenario{attribute, post(ann, bob.Code), 200, "referral_cycle"},
		scenario{attribute, post(cid, "", "Expect: 100-continue", "Content-Type: text/plain"), 200, "no_cookie"},
	)
}

func runNotEligible(t *testing.T, r *runner) {
	r.testServer = newServer(t, "referral: {signup_window: 1us}\n")
	ann, bob := r.account("ann"), r.account("bob")
	r.runAll(scenario{attribute, post(bob, ann.Code), 200, "not_eligible"})
}

func runAuthorization(t *testing.T, r *runner) {
	r.testServer = newServer(t, "cors: {origins: [\""+pageOrigin+"\"]}\n")
	bob := r.account("bob")
	wrongToken := bob
	wrongToken.CSRF = strings.Repeat("A", 43)
	r.runAll(
		scenario{attribute, request(attribute), 401, "unauthenticated"},
		scenario{attribute, request(attribute, listed), 401, "unauthenticated"},
		scenario{attribute, request(attribute, "Cookie: nl_session="+bob.Token), 403, "csrf_missing"},
		scenario{attribute, post(wrongToken, ""), 403, "csrf_invalid"},
		scenario{attribute, post(bob, "", foreign), 403, "csrf_invalid"},
		scenario{attribute, post(bob, "", listed), 200, "no_cookie"},
		scenario{attribute, post(bob, "", "X-Request-Id: kept.by-the_proxy"), 200, "no_cookie"},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", listed, wantsPost), 204, ""},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", foreign, wantsPost), 204, ""},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", listed), 405, "method_not_allowed"},
		scenario{attribute, request("GET /v1/auth/attribute", listed), 405, "method_not_allowed"},
		scenario{attribute, request("FOO /v1/auth/attribute"), 405, "method_not_allowed"},
	)
}

// runLimited makes more calls than the limit of one in 100 s allows.
func runLimited(t *testing.T, r *runner) {
	r.testServer = newServer(t, "limit: {requests_per_second: 0.01}\n")
	r.runAll(
		scenario{attribute, request(attribute), 401, "unauthenticated"},
		scenario{attribute, request(attribute), 429, "rate_limited"},
	)
}

func runPages(t *testing.T, r *runner) {
	r.testServer = newServer(t, "cookies: {domain: triport.io}\n")
	withLandingURL := *r
	withLandingURL.testServer = newServer(t, "pickup: {landing_url: https://www.triport.io/welcome}\n")
	for _, method := range []string{"GET", "HEAD"} {
		landing, short, missing := method+" /", method+" /r/{code}", "not_found"
		if method == "HEAD" {
			missing = ""
		}
		r.runAll(
			scenario{landing, request(method + " /"), 200, ""},
			scenario{landing, request(method+" /?ref=Ann-Invites", https), 200, ""},
			scenario{landing, request(method+" /?ref=ann-invites", "Sec-Purpose: prefetch"), 200, ""},
			scenario{landing, request(method + " /?ref=%%%"), 200, ""},
			scenario{short, request(method + " /r/ann-invites"), 302, ""},
			scenario{short, request(method + " /r/ab?ref=ann-invites"), 302, ""},
			scenario{short, request(method + " /r/a%2fb"), 404, missing},
			scenario{short, request(method + " /nowhere?ref=ann-invites"), 404, missing},
			scenario{method + " /healthz", request(method + " /healthz"), 200, ""},
			scenario{method + " /readyz", request(method + " /readyz"), 200, ""},
		)
		withLandingURL.runAll(
			scenario{landing, request(method + " /?ref=ann-invites"), 302, ""},
			scenario{short, request(method + " /r/ann-invites"), 302, ""},
		)
	}
	for _, path := range []string{"/", "/r/{code}", "/healthz", "/readyz"} {
		raw := request("POST " + strings.Replace(path, "{code}", "abc", 1))
		r.runAll(scenario{"GET " + path, raw, 405, "method_not_allowed"})
	}
}

// runLimits sends requests that the HTTP layer rejects, for every operation.
func runLimits(t *testing.T, r *runner) {
	r.testServer = newServer(t, "")
	var timeouts sync.WaitGroup
	for _, op := range r.document.operations() {
		line := op.method + " " + strings.Replace(op.path, "{code}", "abc", 1)
		code := func(tag string) string {
			if op.method == "HEAD" {
				return ""
			}
			return tag
		}
		r.runAll(
			scenario{op.String(), request(line, twoLengths), 400, code("bad_request")},
			scenario{op.String(), request(line, tooLarge), 413, code("payload_too_large")},
			scenario{op.String(), request(line, "X-Padding: "+strings.Repeat("x", 20<<10)), 431, code("headers_too_large")},
		)
		timeouts.Go(func() { r.run(scenario{op.String(), request(line, "Content-Length: 2"), 408, code("request_timeout")}) })
	}
	timeouts.Wait()
}

// runLockedStore holds the write lock in another process for longer than referral.deadline.
func runLockedStore(t *testing.T, r *runner) {
	r.testServer = newServer(t, "referral: {deadline: 50ms}\n")
	ann, bob := r.account("ann"), r.account("bob")
	release := r.sql("BEGIN IMMEDIATE")
	defer release()
	r.runAll(scenario{attribute, post(bob, ann.Code), 200, "internal_error"})
}

func runUnreadableStore(t *testing.T, r *runner) {
	r.testServer = newServer(t, "")
	bob := r.account("bob")
	r.sql("ALTER TABLE sessions RENAME TO sessions_gone", "ALTER TABLE users RENAME TO users_gone")()
	r.runAll(
		scenario{attribute, post(bob, ""), 503, "unavailable"},
		scenario{"GET /readyz", request("GET /readyz"), 503, "unavailable"},
		scenario{"HEAD /readyz", request("HEAD /readyz"), 503, ""},
	)
}
