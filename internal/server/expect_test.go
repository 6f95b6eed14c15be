package server_test

import (
	"slices"
	"strings"
	"testing"
)

// wantAnswer compares an answer with the one of the model.
func (got response) wantAnswer(t *testing.T, a asked, w wanted) {
	t.Helper()
	if got.status != w.status {
		t.Fatalf("status %d, want %d; body %q", got.status, w.status, got.body)
	}
	got.wantID(t, w)
	if origin := got.one(t, "Access-Control-Allow-Origin"); origin != w.origin && (!w.unread || origin != "") {
		t.Errorf("Access-Control-Allow-Origin %q, want %q", origin, w.origin)
	}
	if (got.one(t, "Access-Control-Allow-Credentials") == "true") != (got.one(t, "Access-Control-Allow-Origin") != "") {
		t.Errorf("credentials and origin do not go together: %v", got.header)
	}
	if location := got.one(t, "Location"); location != w.location {
		t.Errorf("Location %q, want %q", location, w.location)
	}
	if cookie := sortedCookie(got.one(t, "Set-Cookie")); cookie != w.cookie {
		t.Errorf("Set-Cookie %q, want %q", cookie, w.cookie)
	}
	allow := strings.FieldsFunc(got.one(t, "Allow"), func(r rune) bool { return r == ',' || r == ' ' })
	if slices.Sort(allow); !slices.Equal(allow, w.allow) {
		t.Errorf("Allow %q, want %q", allow, w.allow)
	}
	if w.last && got.one(t, "Connection") != "close" {
		t.Errorf("Connection %q, want it closed", got.one(t, "Connection"))
	}
	switch {
	case a.method == "HEAD":
	case w.tag != "":
		got.wantTag(t, w.tag)
	case got.body != w.body:
		t.Errorf("body %q, want %q", got.body, w.body)
	}
}

// wantID checks that the request id is the proxy's if that is kept, and else a new one. A request that could not be
// read may have either.
func (got response) wantID(t *testing.T, w wanted) {
	t.Helper()
	id := got.one(t, "X-Request-Id")
	isKept, isNew := w.id != "" && id == w.id, newIDForm.MatchString(id)
	if !isKept && (!isNew || w.id != "" && !w.unread) {
		t.Errorf("X-Request-Id %q, want %q", id, w.id)
	}
}

// sortedCookie returns a Set-Cookie value with sorted attributes and without Expires.
func sortedCookie(setCookie string) string {
	pair, attributes, _ := strings.Cut(setCookie, "; ")
	if attributes == "" {
		return pair
	}
	sorted := slices.DeleteFunc(strings.Split(attributes, "; "), func(attribute string) bool {
		return strings.HasPrefix(attribute, "Expires=")
	})
	slices.Sort(sorted)
	return strings.Join(append([]string{pair}, sorted...), "; ")
}
