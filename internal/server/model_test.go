package server_test

import (
	"regexp"
	"slices"
	"strings"

	"github.com/triport/triport-console/internal/server"
)

// This file is a second, plain implementation of the documented behavior, without any code of the server: the model
// says what the answer to a fuzzed request must be.

// asked is a request before it is sent. Its lines do not include those that frame it.
type asked struct {
	method, target string
	host           string
	lines          []string
	framing        framing
	proxied        bool
}

// wanted is the answer that the documentation promises.
type wanted struct {
	status   int
	tag      string // of an error
	body     string // of anything else
	cookie   string // the attributes sorted
	location string
	allow    []string
	id       string // empty: a new one
	origin   string // that may read the answer
	last     bool   // the connection is closed afterwards
	unread   bool   // rejected before it was understood: the id and the origin may be missing
}

var (
	tokenForm  = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	targetForm = regexp.MustCompile(`^[^\x00-\x20\x7f]+$`)
	codeForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{1,30}[A-Za-z0-9]$`)
	keptIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)
	absolute   = regexp.MustCompile(`(?i)^https?://[^/?]*`)
	refForm    = regexp.MustCompile(`(?:^|&)ref=([^&]*)`)
	prefetch   = regexp.MustCompile(`(?i)^prefetch[ \t]*(?:[;,]|$)`)
)

// values returns the values of the header lines of that name.
func (a asked) values(name string) []string {
	var values []string
	for _, line := range a.lines {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			values = append(values, strings.Trim(v, " \t"))
		}
	}
	return values
}

func (a asked) cookies(name string) []string {
	form := regexp.MustCompile(`(?:^|;)[ \t]*` + name + `=([^;]*)`)
	var values []string
	for _, line := range a.values("cookie") {
		for _, m := range form.FindAllStringSubmatch(line, -1) {
			values = append(values, strings.TrimRight(m[1], " \t"))
		}
	}
	return values
}

// cut returns the path and the query of the target, as they came.
func (a asked) cut() (path, query string) {
	path, query, _ = strings.Cut(a.target, "?")
	if prefix := absolute.FindString(path); prefix != "" {
		if path = path[len(prefix):]; path == "" {
			path = "/"
		}
	}
	return path, query
}

func (a asked) malformed() bool {
	if a.framing.status == 400 || !tokenForm.MatchString(a.method) || !targetForm.MatchString(a.target) {
		return true
	}
	return slices.ContainsFunc(a.lines, func(line string) bool {
		name, _, ok := strings.Cut(line, ":")
		return !ok || !tokenForm.MatchString(name) || strings.EqualFold(name, "host")
	})
}

// answer returns the documented answer to the request.
func (fx *fixtures) answer(a asked) wanted {
	w := wanted{origin: a.reader(), last: a.framing.last()}
	if ids := a.values("x-request-id"); a.proxied && len(ids) == 1 && keptIDForm.MatchString(ids[0]) {
		w.id = ids[0]
	}
	path, query := a.cut()
	code, isLink := strings.CutPrefix(path, "/r/")
	isLink = isLink && code != "" && !strings.Contains(code, "/") && !strings.Contains(strings.ToLower(code), "%2f")
	isPage := path == "/" || isLink
	isRead := a.method == "GET" || a.method == "HEAD"
	switch {
	case a.malformed():
		w.unread, w.last = true, true
		return w.rejected(400, "bad_request")
	case a.framing.status == 413:
		w.unread, w.last = true, true
		return w.rejected(413, "payload_too_large")
	case path == "/v1/auth/attribute":
		return fx.attribute(a, w)
	case !isPage && path != "/healthz" && path != "/readyz":
		return w.rejected(404, "not_found")
	case !isRead:
		w.allow = []string{"GET", "HEAD"}
		return w.rejected(405, "method_not_allowed")
	case !isPage:
		w.status, w.body = 200, `{"status":"ok"}`
		return w
	}
	w.cookie = a.pickedUp(isLink, code, query)
	switch {
	case a.proxied:
		w.status, w.location = 302, fuzzLanding
	case isLink:
		w.status, w.location = 302, "/"
	default:
		w.status, w.body = 200, server.LandingPage
	}
	return w
}

func (w wanted) rejected(status int, tag string) wanted {
	w.status, w.tag = status, tag
	return w
}

func (fx *fixtures) attribute(a asked, w wanted) wanted {
	origins := a.values("origin")
	if a.method == "OPTIONS" && len(origins) > 0 && len(a.values("access-control-request-method")) > 0 {
		w.status = 204
		return w
	}
	if a.method != "POST" {
		w.allow = []string{"POST"}
		return w.rejected(405, "method_not_allowed")
	}
	user, tokens := fx.user(a.cookies("nl_session"))
	if user == "" {
		return w.rejected(401, "unauthenticated")
	}
	sent := a.values("x-csrf-token")
	if len(sent) == 0 || len(sent) == 1 && sent[0] == "" {
		return w.rejected(403, "csrf_missing")
	}
	proofs := a.cookies("nl_csrf")
	another := func(proof string) bool { return proof != sent[0] }
	if len(sent) > 1 || len(proofs) == 0 || slices.ContainsFunc(proofs, another) || !slices.Contains(tokens, sent[0]) {
		return w.rejected(403, "csrf_invalid")
	}
	if len(origins) > 1 || len(origins) == 1 && !sameOrigin(origins[0], a.host) && a.reader() == "" {
		return w.rejected(403, "csrf_invalid")
	}
	w.status, w.cookie = 200, a.cookie("", "0")
	w.body = `{"attributed":true}`
	if reason := fx.reason(user, a.cookies("ref_code")); reason != "" {
		w.body = `{"attributed":false,"reason":"` + reason + `"}`
	}
	return w
}

// user returns the user whose valid sessions are among the cookies, with the CSRF tokens of those.
func (fx *fixtures) user(cookies []string) (user string, tokens []string) {
	for _, cookie := range cookies {
		s, ok := fx.sessions[cookie]
		if !ok || !s.valid {
			continue
		}
		if user != "" && user != s.user {
			return "", nil
		}
		user, tokens = s.user, append(tokens, s.csrf)
	}
	return user, tokens
}

// reason returns why the user is not attributed, or "".
func (fx *fixtures) reason(user string, presented []string) string {
	if len(presented) == 0 {
		return "no_cookie"
	}
	code, ok := firstCode(presented)
	owned, exists := fx.codes[code]
	switch {
	case !ok && strings.Trim(presented[0], asciiSpace) == "":
		return "no_cookie"
	case fx.referrer[user] != "":
		return "already_attributed"
	case !ok:
		return "invalid_code"
	case exists && owned.owner == user:
		return "self_referral"
	case !exists || !owned.active:
		return "unknown_code"
	}
	for o := owned.owner; o != ""; o = fx.referrer[o] {
		if o == user {
			return "referral_cycle"
		}
	}
	return ""
}

const asciiSpace = " \t\n\v\f\r"

// firstCode returns the first well-formed code, in its canonical form.
func firstCode(presented []string) (code string, ok bool) {
	for _, p := range presented {
		if p = strings.Trim(p, asciiSpace); codeForm.MatchString(p) {
			return strings.ToLower(p), true // ASCII by now
		}
	}
	return "", false
}

// pickedUp returns the cookie that a visit to a page sets.
func (a asked) pickedUp(isLink bool, code, query string) string {
	var presented []string
	if isLink {
		presented = append(presented, code)
	}
	if m := refForm.FindStringSubmatch(query); m != nil {
		presented = append(presented, m[1])
	}
	code, ok := firstCode(presented)
	isPrefetch := slices.ContainsFunc(append(a.values("purpose"), a.values("sec-purpose")...), prefetch.MatchString)
	if !ok || a.method != "GET" || isPrefetch {
		return ""
	}
	if _, has := firstCode(a.cookies("ref_code")); has && a.proxied {
		return "" // there, the first link wins
	}
	return a.cookie(code, "2592000")
}

// cookie returns a ref_code cookie with sorted attributes and without Expires.
func (a asked) cookie(value, maxAge string) string {
	attributes := []string{"HttpOnly", "Max-Age=" + maxAge, "Path=/", "SameSite=Lax"}
	if a.proxied {
		attributes = append(attributes, "Domain="+fuzzDomain)
		if protos := a.values("x-forwarded-proto"); len(protos) > 0 &&
			strings.EqualFold(strings.Trim(strings.Split(protos[0], ",")[0], " \t"), "https") {
			attributes = append(attributes, "Secure")
		}
	}
	slices.Sort(attributes)
	return strings.Join(append([]string{"ref_code=" + value}, attributes...), "; ")
}

// reader returns the origin whose pages may read the answer.
func (a asked) reader() string {
	if origins := a.values("origin"); len(origins) == 1 && sameOrigin(origins[0], "console.example.com:443") &&
		strings.HasPrefix(strings.ToLower(origins[0]), "https:") {
		return origins[0]
	}
	return ""
}

var originForm = regexp.MustCompile(`^([A-Za-z]+)://([A-Za-z0-9.]+)(?::0*([1-9][0-9]{0,4}))?$`)

// sameOrigin reports whether the origin has the host and port of host, which has no uncommon letters.
func sameOrigin(origin, host string) bool {
	m := originForm.FindStringSubmatch(origin)
	if m == nil {
		return false
	}
	standard, ok := map[string]string{"http": "80", "https": "443"}[strings.ToLower(m[1])]
	name, port, hasPort := strings.Cut(host, ":")
	if !hasPort {
		port = standard
	}
	return ok && strings.EqualFold(m[2], name) && (m[3] == port || m[3] == "" && standard == port)
}
