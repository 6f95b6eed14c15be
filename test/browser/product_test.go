package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// deployed is the configuration of the documented set-up: pages and API on subdomains of one domain,
// TLS ended by a proxy on the same machine.
const deployed = `
cookies: {domain: triport.io}
cors: {origins: ["https://console.triport.io"]}
proxy: {trusted: [127.0.0.1]}
`

// product is the real server process with a database of its own.
type product struct {
	t      *testing.T
	config string // file
	url    string
	log    bytes.Buffer
}

func startProduct(t *testing.T, config string) *product {
	t.Helper()
	dir := t.TempDir()
	p := &product{t: t, config: filepath.Join(dir, "config.yaml")}
	config = "listen: 127.0.0.1:0\ndatabase: " + filepath.Join(dir, "triport.db") + "\nlog: {level: debug}\n" + config
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
		if err := serve.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the server says %q (%v): %s", line, err, p.log.String())
	}
	p.url = url
	return p
}

// run runs a command of the product's and decodes its JSON result.
func (p *product) run(result any, args ...string) {
	p.t.Helper()
	cmd := exec.Command(binary, append(args, "--config", p.config, "-o", "json")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("triport-console %s: %v: %s", strings.Join(args, " "), err, stderr.String())
	}
	if err := json.Unmarshal(out, result); err != nil {
		p.t.Fatalf("triport-console %s: %v", strings.Join(args, " "), err)
	}
}

// user is an account with its permanent code.
type user struct {
	ID, Email, Code string
}

func (p *product) user(email string) user {
	p.t.Helper()
	var u user
	p.run(&u, "user", "create", "--email", email)
	return u
}

// tokens are a session's two secrets.
type tokens struct {
	Session string `json:"nl_session"`
	CSRF    string `json:"nl_csrf"`
}

func (p *product) session(u user) tokens {
	p.t.Helper()
	var s tokens
	p.run(&s, "session", "create", u.ID)
	return s
}

// signIn makes a session as a sign-in service would and returns the Set-Cookie values it answers
// with, as the product prints them. Only the server sees a visitor's scheme, so the command is told.
func (p *product) signIn(u user, environment ...string) (setCookie []string) {
	p.t.Helper()
	cmd := exec.Command(binary, "session", "create", u.ID, "--config", p.config)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("session create: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok {
			setCookie = append(setCookie, strings.TrimSpace(value))
		}
	}
	if len(setCookie) != 2 {
		p.t.Fatalf("session create printed %d Set-Cookie lines, want 2", len(setCookie))
	}
	return setCookie
}

const secureAlways = "TRIPORT_COOKIES_SECURE=always"

// dossier is what `referral inspect` says.
type dossier struct {
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

func (p *product) inspect(u user) dossier {
	p.t.Helper()
	var d dossier
	p.run(&d, "referral", "inspect", u.ID)
	return d
}

// wantReferrer demands that u was referred by who, with that code; a nil who means by nobody, and
// that nothing at all was recorded.
func (p *product) wantReferrer(u user, who *user) {
	p.t.Helper()
	d := p.inspect(u)
	switch {
	case who == nil:
		if d.ReferredBy != nil || len(d.Events) != 0 || d.Pending != 0 {
			p.t.Errorf("%s: referred by %+v, events %+v, %d pending, want nothing recorded", u.Email, d.ReferredBy, d.Events, d.Pending)
		}
	case d.ReferredBy == nil:
		p.t.Errorf("%s: referred by nobody, want %s", u.Email, who.Email)
	case d.ReferredBy.UserID != who.ID || d.ReferredBy.Code != who.Code:
		p.t.Errorf("%s: referred by %+v, want %s", u.Email, *d.ReferredBy, who.Email)
	}
}
