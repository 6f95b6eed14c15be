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

// coverage is what the server was heard to answer: "POST /v1/auth/attribute 403 csrf_missing".
type coverage struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (c *coverage) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[what] = true
}

// scenario is a raw request, and the answer it is for.
type scenario struct {
	op     string // of which operation the answer is; of a path that the document lacks, /r/{code}
	raw    string
	status int
	word   string // the reason or the tag, where there is one
}

const (
	theCall  = "POST /v1/auth/attribute"
	listed   = "Origin: " + pageOrigin
	foreign  = "Origin: https://evil.example"
	isHTTPS  = "X-Forwarded-Proto: https"
	isLarge  = "Content-Length: 65537"
	isTwice  = "Content-Length: 2\r\nContent-Length: 3"
	asksPost = "Access-Control-Request-Method: POST"
)

func TestEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	d := openDocument(t)
	heard := &coverage{seen: make(map[string]bool)}
	t.Run("scenarios", func(t *testing.T) {
		for name, play := range map[string]func(*testing.T, *stage){
			"outcomes": playOutcomes, "gates": playGates, "pages": playPages, "limits": playLimits,
			"not eligible": playNotEligible, "a store that does not write": playBusyStore, "a store that does not read": playBrokenStore,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				play(t, &stage{t: t, document: d, heard: heard})
			})
		}
	})
	for _, op := range d.operations() {
		for _, want := range op.answers(t) {
			// A failure of the server's own cannot be asked for.
			if !heard.seen[want] && !strings.Contains(want, " 500") {
				t.Errorf("the document has %s, which the server was never heard to answer", want)
			}
		}
	}
}

// answers are those of an operation that must be heard: each status with each of its words.
func (op operation) answers(t *testing.T) []string {
	t.Helper()
	var all []string
	for status, response := range op.Responses.Codes.FromOldest() {
		media := jsonOf(response)
		if media == nil || op.method == "HEAD" || media.Examples == nil || media.Examples.Len() == 0 {
			all = append(all, op.String()+" "+status)
			continue
		}
		for _, example := range media.Examples.FromOldest() {
			all = append(all, strings.TrimSpace(op.String()+" "+status+" "+wordOf(decodeNode(t, example.Value))))
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

// wordOf is the reason or the tag of a body.
func wordOf(body any) string {
	object, _ := body.(map[string]any)
	for _, key := range []string{"reason", "error"} {
		if word, ok := object[key].(string); ok {
			return word
		}
	}
	return ""
}

// stage is where scenarios are played.
type stage struct {
	t        *testing.T
	document *document
	heard    *coverage
	*product
}

func (s *stage) play(scenarios ...scenario) {
	s.t.Helper()
	for _, sc := range scenarios {
		s.one(sc)
	}
}

func (s *stage) one(sc scenario) {
	s.t.Helper()
	method, path, _ := strings.Cut(sc.op, " ")
	op := s.document.operation(s.t, method, path)
	asked, _, _ := strings.Cut(sc.raw, " ")
	res := s.ask(asked, sc.raw)
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var decoded any
	if res.Header.Get("Content-Type") == "application/json" && len(body) > 0 {
		if err := json.Unmarshal(body, &decoded); err != nil {
			s.t.Errorf("%.60q: %v", sc.raw, err)
		}
	}
	if res.StatusCode != sc.status || wordOf(decoded) != sc.word {
		s.t.Errorf("%.60q is answered %d %s, want %d %q", sc.raw, res.StatusCode, body, sc.status, sc.word)
	}
	s.document.check(s.t, op, res)
	s.heard.add(strings.TrimSpace(op.String() + " " + strconv.Itoa(res.StatusCode) + " " + wordOf(decoded)))
}

func playOutcomes(t *testing.T, s *stage) {
	s.product = startProduct(t, "cookies: {domain: triport.io}\n")
	ann, bob, cid := s.account("ann"), s.account("bob"), s.account("cid")
	s.play(
		scenario{theCall, post(bob, ""), 200, "no_cookie"},
		scenario{theCall, post(bob, "%%%"), 200, "invalid_code"},
		scenario{theCall, post(bob, bob.Code), 200, "self_referral"},
		scenario{theCall, post(bob, "nobody-has-this"), 200, "unknown_code"},
		scenario{theCall, post(bob, ann.Code, isHTTPS), 200, ""},
		scenario{theCall, post(bob, cid.Code), 200, "already_attributed"},
		scenario{theCall, post(ann, bob.Code), 200, "referral_cycle"},
		scenario{theCall, post(cid, "", "Expect: 100-continue", "Content-Type: text/plain"), 200, "no_cookie"},
	)
}

func playNotEligible(t *testing.T, s *stage) {
	s.product = startProduct(t, "referral: {signup_window: 1us}\n")
	ann, bob := s.account("ann"), s.account("bob")
	s.play(scenario{theCall, post(bob, ann.Code), 200, "not_eligible"})
}

func playGates(t *testing.T, s *stage) {
	s.product = startProduct(t, "cors: {origins: [\""+pageOrigin+"\"]}\n")
	bob := s.account("bob")
	stranger := bob
	stranger.CSRF = strings.Repeat("A", 43)
	s.play(
		scenario{theCall, request(theCall), 401, "unauthenticated"},
		scenario{theCall, request(theCall, listed), 401, "unauthenticated"},
		scenario{theCall, request(theCall, "Cookie: nl_session="+bob.Session), 403, "csrf_missing"},
		scenario{theCall, post(stranger, ""), 403, "csrf_invalid"},
		scenario{theCall, post(bob, "", foreign), 403, "csrf_invalid"},
		scenario{theCall, post(bob, "", listed), 200, "no_cookie"},
		scenario{theCall, post(bob, "", "X-Request-Id: kept.by-the_proxy"), 200, "no_cookie"},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", listed, asksPost), 204, ""},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", foreign, asksPost), 204, ""},
		scenario{"OPTIONS /v1/auth/attribute", request("OPTIONS /v1/auth/attribute", listed), 405, "method_not_allowed"},
		scenario{theCall, request("GET /v1/auth/attribute", listed), 405, "method_not_allowed"},
		scenario{theCall, request("FOO /v1/auth/attribute"), 405, "method_not_allowed"},
	)
}

func playPages(t *testing.T, s *stage) {
	s.product = startProduct(t, "cookies: {domain: triport.io}\n")
	elsewhere := *s
	elsewhere.product = startProduct(t, "pickup: {landing_url: https://www.triport.io/welcome}\n")
	for _, method := range []string{"GET", "HEAD"} {
		landing, short, missing := method+" /", method+" /r/{code}", "not_found"
		if method == "HEAD" {
			missing = ""
		}
		s.play(
			scenario{landing, request(method + " /"), 200, ""},
			scenario{landing, request(method+" /?ref=Ann-Invites", isHTTPS), 200, ""},
			scenario{landing, request(method+" /?ref=ann-invites", "Sec-Purpose: prefetch"), 200, ""},
			scenario{landing, request(method + " /?ref=%%%"), 200, ""},
			scenario{short, request(method + " /r/ann-invites"), 302, ""},
			scenario{short, request(method + " /r/ab?ref=ann-invites"), 302, ""},
			scenario{short, request(method + " /r/a%2fb"), 404, missing},
			scenario{short, request(method + " /nowhere?ref=ann-invites"), 404, missing},
			scenario{method + " /healthz", request(method + " /healthz"), 200, ""},
			scenario{method + " /readyz", request(method + " /readyz"), 200, ""},
		)
		elsewhere.play(
			scenario{landing, request(method + " /?ref=ann-invites"), 302, ""},
			scenario{short, request(method + " /r/ann-invites"), 302, ""},
		)
	}
	for _, path := range []string{"/", "/r/{code}", "/healthz", "/readyz"} {
		raw := request("POST " + strings.Replace(path, "{code}", "abc", 1))
		s.play(scenario{"GET " + path, raw, 405, "method_not_allowed"})
	}
}

// playLimits asks every operation for what the HTTP layer refuses.
func playLimits(t *testing.T, s *stage) {
	s.product = startProduct(t, "")
	var late sync.WaitGroup
	for _, op := range s.document.operations() {
		line := op.method + " " + strings.Replace(op.path, "{code}", "abc", 1)
		word := func(tag string) string {
			if op.method == "HEAD" {
				return ""
			}
			return tag
		}
		s.play(
			scenario{op.String(), request(line, isTwice), 400, word("bad_request")},
			scenario{op.String(), request(line, isLarge), 413, word("payload_too_large")},
			scenario{op.String(), request(line, "X-Padding: "+strings.Repeat("x", 20<<10)), 431, word("headers_too_large")},
		)
		late.Go(func() { s.one(scenario{op.String(), request(line, "Content-Length: 2"), 408, word("request_timeout")}) })
	}
	late.Wait()
}

// playBusyStore lets another process hold the write lock for longer than a sign-in may wait.
func playBusyStore(t *testing.T, s *stage) {
	s.product = startProduct(t, "referral: {deadline: 50ms}\n")
	ann, bob := s.account("ann"), s.account("bob")
	release := s.sql("BEGIN IMMEDIATE")
	defer release()
	s.play(scenario{theCall, post(bob, ann.Code), 200, "internal_error"})
}

func playBrokenStore(t *testing.T, s *stage) {
	s.product = startProduct(t, "")
	bob := s.account("bob")
	s.sql("ALTER TABLE sessions RENAME TO elsewhere", "ALTER TABLE users RENAME TO nobody")()
	s.play(
		scenario{theCall, post(bob, ""), 503, "unavailable"},
		scenario{"GET /readyz", request("GET /readyz"), 503, "unavailable"},
		scenario{"HEAD /readyz", request("HEAD /readyz"), 503, ""},
	)
}
