package openapi

import (
	"bufio"
	"bytes"
	"database/sql"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/triport/triport-console/test/program"
)

// timeout is long enough for a busy machine. The slowest response takes ten seconds.
const timeout = 40 * time.Second

// pageOrigin is an origin in cors.origins.
const pageOrigin = "https://console.triport.io"

// testServer is the real server with its own database.
type testServer struct {
	*program.Server
	t *testing.T
}

func newServer(t *testing.T, config string) *testServer {
	t.Helper()
	return &testServer{program.Start(t, "proxy: {trusted: [127.0.0.1]}\n"+config), t}
}

// account is a user with a code and a session.
type account struct {
	program.User
	program.Session
}

func (s *testServer) account(name string) account {
	s.t.Helper()
	u := s.User(name)
	return account{u, s.Server.Session(u)}
}

// sql runs statements on the database, as the sqlite3 shell does. close ends their connection.
func (s *testServer) sql(statements ...string) (close func()) {
	s.t.Helper()
	db, err := sql.Open("sqlite", s.Database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		s.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
	return func() { _ = db.Close() }
}

// send sends a raw request on a new connection and returns the response. It skips an interim response.
func (s *testServer) send(method, raw string) *http.Response {
	s.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		s.t.Fatal(err)
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err == nil && res.StatusCode == http.StatusContinue {
		res, err = http.ReadResponse(r, &http.Request{Method: method})
	}
	if err != nil {
		s.t.Fatalf("%.60q: %v", raw, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%.60q: %v", raw, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// request renders a request without a body.
func request(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: api.triport.io\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

// post renders the attribute call of a signed-in browser. It has the cookie ref_code unless ref is empty.
func post(a account, ref string, headers ...string) string {
	cookies := "Cookie: nl_session=" + a.Token + "; nl_csrf=" + a.CSRF
	if ref != "" {
		cookies += "; ref_code=" + ref
	}
	return request("POST /v1/auth/attribute", append([]string{cookies, "X-CSRF-Token: " + a.CSRF}, headers...)...)
}
