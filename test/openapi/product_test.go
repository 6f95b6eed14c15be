package openapi

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// patience bounds what must happen, on a busy machine. The slowest answer takes ten seconds.
const patience = 40 * time.Second

// pageOrigin is the listed one.
const pageOrigin = "https://console.triport.io"

// product is the real server process with a database of its own.
type product struct {
	t        *testing.T
	config   string // file
	database string
	address  string
	log      bytes.Buffer
}

func startProduct(t *testing.T, config string) *product {
	t.Helper()
	dir := t.TempDir()
	p := &product{t: t, config: filepath.Join(dir, "config.yaml"), database: filepath.Join(dir, "triport.db")}
	config = "listen: 127.0.0.1:0\ndatabase: " + p.database + "\nproxy: {trusted: [127.0.0.1]}\n" + config
	if err := os.WriteFile(p.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(binary, "serve", "--config", p.config)
	serve.Stderr = &p.log
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		err := serve.Wait()
		if err != nil || t.Failed() {
			t.Logf("the server ended with %v; its log:\n%s", err, p.log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on http://")
	if !ok {
		t.Fatalf("the server says %q (%v): %s", line, err, p.log.String())
	}
	p.address = address
	return p
}

// run runs a command of the product's and decodes its JSON result.
func (p *product) run(result any, args ...string) {
	p.t.Helper()
	out, err := exec.Command(binary, append(args, "--config", p.config, "-o", "json")...).Output()
	if err != nil {
		p.t.Fatalf("triport-console %s: %v", strings.Join(args, " "), err)
	}
	if err := json.Unmarshal(out, result); err != nil {
		p.t.Fatalf("triport-console %s: %v", strings.Join(args, " "), err)
	}
}

// account is a user with a code and a session.
type account struct {
	ID, Email, Code string
	Session         string `json:"nl_session"`
	CSRF            string `json:"nl_csrf"`
}

func (p *product) account(name string) account {
	p.t.Helper()
	var a account
	p.run(&a, "user", "create", "--email", name+"@example.com")
	p.run(&a, "session", "create", a.ID)
	return a
}

// sql runs statements on the database as a hand with the sqlite3 shell would, until undo is called.
func (p *product) sql(statements ...string) (undo func()) {
	p.t.Helper()
	db, err := sql.Open("sqlite", p.database+"?_pragma=busy_timeout(5000)")
	if err != nil {
		p.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.ExecContext(p.t.Context(), s); err != nil {
			p.t.Fatalf("%s: %v", s, err)
		}
	}
	return func() { _ = db.Close() }
}

// ask sends a raw request on a connection of its own and reads the answer, the interim one excepted.
func (p *product) ask(method, raw string) *http.Response {
	p.t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.WriteString(c, raw); err != nil {
		p.t.Fatal(err)
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err == nil && res.StatusCode == http.StatusContinue {
		res, err = http.ReadResponse(r, &http.Request{Method: method})
	}
	if err != nil {
		p.t.Fatalf("%.60q: %v", raw, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%.60q: %v", raw, err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// request is a request without a body.
func request(line string, lines ...string) string {
	return line + " HTTP/1.1\r\nHost: api.triport.io\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// post is the main call of a signed-in browser, with a ref_code cookie unless it is empty.
func post(a account, ref string, lines ...string) string {
	cookies := "Cookie: nl_session=" + a.Session + "; nl_csrf=" + a.CSRF
	if ref != "" {
		cookies += "; ref_code=" + ref
	}
	return request("POST /v1/auth/attribute", append([]string{cookies, "X-CSRF-Token: " + a.CSRF}, lines...)...)
}
