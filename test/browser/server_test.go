package browser

import (
	"strings"
	"testing"

	"github.com/triport/triport-console/test/program"
)

// subdomains is the documented configuration: pages and API on subdomains of one domain, behind a proxy
// on the same machine that terminates TLS.
const subdomains = `
cookies: {domain: triport.io}
cors: {origins: ["https://console.triport.io"]}
proxy: {trusted: [127.0.0.1]}
`

// server is the real server with its own database.
type server struct {
	*program.Server
	t *testing.T
}

func newServer(t *testing.T, config string) *server {
	t.Helper()
	return &server{program.Start(t, "log: {level: debug}\n"+config), t}
}

const secureAlways = "TRIPORT_COOKIES_SECURE=always"

// signIn creates a session as a sign-in service does and returns its Set-Cookie values. The command does
// not know the visitor's scheme, so environment may set cookies.secure.
func (s *server) signIn(u program.User, environment ...string) (setCookie []string) {
	s.t.Helper()
	for line := range strings.Lines(string(s.Output(environment, "session", "create", u.ID))) {
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
			setCookie = append(setCookie, strings.TrimSpace(value))
		}
	}
	if len(setCookie) != 2 {
		s.t.Fatalf("session create printed %d Set-Cookie lines, want 2", len(setCookie))
	}
	return setCookie
}

// inspection is the output of `referral inspect`.
type inspection struct {
	ReferredBy *struct {
		UserID string `json:"user_id"`
		Code   string
	} `json:"referred_by"`
	Invitees struct{ Count int }
	Events   []struct {
		Type, Code string
		Reason     *string
		RequestID  string `json:"request_id"`
	}
	Pending int
}

func (s *server) inspect(u program.User) inspection {
	s.t.Helper()
	var i inspection
	s.Run(&i, "referral", "inspect", u.ID)
	return i
}

// wantReferrer checks that referrer referred u with their permanent code. If referrer is nil, it checks
// that nothing was recorded.
func (s *server) wantReferrer(u program.User, referrer *program.User) {
	s.t.Helper()
	i := s.inspect(u)
	switch {
	case referrer == nil:
		if i.ReferredBy != nil || len(i.Events) != 0 || i.Pending != 0 {
			s.t.Errorf("%s: referred by %+v, events %+v, %d pending, want nothing recorded", u.Email, i.ReferredBy, i.Events, i.Pending)
		}
	case i.ReferredBy == nil:
		s.t.Errorf("%s: no referrer, want %s", u.Email, referrer.Email)
	case i.ReferredBy.UserID != referrer.ID || i.ReferredBy.Code != referrer.Code:
		s.t.Errorf("%s: referred by %+v, want %s", u.Email, *i.ReferredBy, referrer.Email)
	}
}
