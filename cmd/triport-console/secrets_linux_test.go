package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSecretsAppearOnlyInCookies uses everything that the program can do, with secrets in every part of a request. It
// searches all output: answers, the log at debug level in each format, the output of every command, the process list,
// and the files, temporary ones too.
func TestSecretsAppearOnlyInCookies(t *testing.T) {
	t.Parallel()
	for format, form := range logForms {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, "TRIPORT_LOG_FORMAT="+format)
			r.everything()
			for _, u := range []user{r.ann, r.bob} {
				for _, secret := range []string{u.Session, u.CSRF} {
					r.wantNowhere(secret)
				}
			}
			r.wantEveryCommandRan()
			lines := strings.Split(strings.TrimSuffix(r.seen["the log"], "\n"), "\n")
			if requests := len(r.secretPlaces()) + len(forgedPlaces()); len(lines) < requests {
				t.Errorf("the log has %d lines of %d requests", len(lines), requests)
			}
			for _, line := range lines {
				if !form(line) || strings.Contains(line, "forged") {
					t.Errorf("the log has the line %q", line)
				}
			}
		})
	}
}

// TestFilesAreReadableByOwnerOnlyUnderAnyUmask requires mode 0600 of every file that the program creates.
func TestFilesAreReadableByOwnerOnlyUnderAnyUmask(t *testing.T) {
	t.Parallel()
	r := newRun(t)
	r.everything()
	files := r.files()
	for _, name := range []string{"triport.db", "triport.db.spool.lock", "triport.db.spool.bad", "copy.db"} {
		if _, ok := files[name]; !ok {
			t.Errorf("there is no %s to check", name)
		}
	}
	for name := range files {
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// logForms report, for each format, whether a line has the form of a log line of the program.
var logForms = map[string]func(line string) bool{
	"text":   regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBU|INFO|WARN|ERRO) [ -~µ]+$`).MatchString,
	"logfmt": regexp.MustCompile(`^time=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(debug|info|warn|error) msg=[ -~µ]+$`).MatchString,
	"json": func(line string) bool {
		return regexp.MustCompile(`^\{"time":"[ -~µ]+\}$`).MatchString(line) && json.Valid([]byte(line))
	},
}

// wantNowhere searches for a secret, encoded and decoded.
func (r *programRun) wantNowhere(secret string) {
	r.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(raw) != 32 {
		r.t.Fatalf("the program printed a token of %d bytes (%v)", len(raw), err)
	}
	for where, what := range r.seen {
		if strings.Contains(what, secret) || strings.Contains(what, string(raw)) {
			r.t.Errorf("%s contains a secret", where)
		}
	}
}

// requests sends requests with secrets and with forged log lines.
func (r *programRun) requests() {
	r.t.Helper()
	for i, raw := range append(r.secretPlaces(), forgedPlaces()...) {
		answer := r.ask(raw)
		if !strings.HasPrefix(answer, "HTTP/1.1 ") {
			r.t.Errorf("%.60q has the answer %q", raw, answer)
		}
		r.seen["answer "+string(rune('a'+i%26))+raw[:min(len(raw), 20)]] += answer
	}
}

// call returns a call of the main endpoint by a user.
func (r *programRun) call(u user, code string, lines ...string) string {
	cookies := "Cookie: nl_session=" + u.Session + "; nl_csrf=" + u.CSRF + "; ref_code=" + code
	return request("POST /v1/auth/attribute", append(lines, cookies)...)
}

func request(line string, lines ...string) string {
	return line + " HTTP/1.1\r\nHost: console.test\r\nConnection: close\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// secretPlaces returns requests with secrets in their documented places and in all others.
func (r *programRun) secretPlaces() []string {
	token := "X-CSRF-Token: " + r.bob.CSRF
	secrets := "nl_session=" + r.bob.Session + "&nl_csrf=" + r.bob.CSRF
	body := func(raw string) string {
		return strings.Replace(raw, "\r\n\r\n", "\r\nContent-Length: "+strconv.Itoa(len(secrets))+"\r\n\r\n"+secrets, 1)
	}
	return []string{
		r.call(r.bob, r.ann.Code, token),
		r.call(r.bob, r.ann.Code, token),
		r.call(r.bob, "", token),
		r.call(r.ann, r.ann.Code, "X-CSRF-Token: "+r.ann.CSRF),
		r.call(r.bob, r.ann.Code),
		r.call(r.bob, r.ann.Code, "X-CSRF-Token: "+r.ann.CSRF),
		r.call(r.bob, r.ann.Code, token, token),
		r.call(r.bob, r.ann.Code, token, "Origin: https://"+r.bob.Session+".example"),
		r.call(r.bob, r.ann.Code, token, "Cookie: nl_session="+r.ann.Session),
		body(r.call(r.bob, "abc", token)),
		body(request("POST /v1/auth/attribute?"+secrets, token)),
		request("POST /v1/auth/attribute", "Authorization: Bearer "+r.bob.Session, "X-Session-Token: "+r.bob.Session),
		request("GET /?ref="+r.bob.Session+"&"+secrets, "Referer: https://console.test/?"+secrets, "User-Agent: "+r.bob.Session),
		request("GET /r/" + r.bob.Session),
		request("GET /" + r.bob.Session),
		request("GET /", "X-Request-Id: "+r.bob.Session),
		request(r.bob.Session + " /"),
		request("GET /", "Cookie : nl_session="+r.bob.Session),
		request("GET /", "Cookie: nl_session="+r.bob.Session, " folded: "+r.bob.CSRF),
		request("GET /", "Host: "+r.bob.Session, token),
		request("GET /", "X-Padding: "+strings.Repeat(r.bob.Session, 500)),
		"nl_session=" + r.bob.Session + "\r\n\r\n",
	}
}

// forgedPlaces returns requests that try to forge a log line.
func forgedPlaces() []string {
	var all []string
	for _, br := range []string{"\n", "\r", "\x1b[2J", "\x7f", "\u2028", "\xff", `" `} {
		forged := br + `2026-03-01T12:00:00Z ERRO forged level=error msg=forged {"time":"forged"}`
		all = append(all,
			request("GET /?ref=abc"+forged),
			request("GET /nowhere", "User-Agent: "+forged, "X-Request-Id: "+forged, "Origin: "+forged),
			request("POST /v1/auth/attribute", "Cookie: ref_code="+forged),
			request("FORGED"+forged+" /"))
	}
	return all
}

// commands runs every command while the server runs.
func (r *programRun) commands() {
	r.t.Helper()
	for _, line := range []string{
		"code set ann@example.com ann-invites", "code list ann@example.com", "code disable ann@example.com",
		"user list", "user list -o json",
		"referral inspect bob@example.com", "referral inspect bob@example.com -o json",
		"referral replay --dry-run", "referral replay", "referral replay --rejected", "referral verify",
		"db check", "db migrate", "db backup copy.db", "config show", "config show -o json",
		"version", "completion bash", "help", "help session create",
		"session revoke bob@example.com", "user disable bob@example.com",
		"user enable bob@example.com", "user update bob@example.com --name Bob",
	} {
		r.do(strings.Fields(line)...)
	}
	stdout, stderr := r.run(0, `{"email":"cid@example.com"}`+"\n", "user", "import", "-")
	r.seen["user import"] = stdout + stderr
	stdout, stderr = r.run(2, "", "session", "create", "--nl_session="+r.bob.Email)
	r.seen["an invalid session create"] = stdout + stderr
}

// moveToDeadLetters replays a malformed line of the spool. The server has ended.
func (r *programRun) moveToDeadLetters() {
	r.t.Helper()
	spool, err := os.OpenFile(filepath.Join(r.dir, "triport.db.spool"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := spool.WriteString("malformed\n"); err != nil {
		r.t.Fatal(err)
	}
	if err := spool.Close(); err != nil {
		r.t.Fatal(err)
	}
	stdout, stderr := r.run(1, "", "referral", "replay")
	r.seen["a replay of a malformed line"] = stdout + stderr
}

// wantEveryCommandRan asks the program for its commands, as shell completion does.
func (r *programRun) wantEveryCommandRan() {
	r.t.Helper()
	all := r.completions()
	if len(all) < 8 {
		r.t.Fatalf("the program completes only the commands %q", all)
	}
	for _, name := range all {
		leaves := []string{name}
		if name != "help" && name != "completion" { // their arguments are no commands
			if below := r.completions(name); len(below) > 0 {
				leaves = leaves[:0]
				for _, b := range below {
					leaves = append(leaves, name+" "+b)
				}
			}
		}
		for _, leaf := range leaves {
			if !slices.ContainsFunc(r.ran, func(line string) bool { return line == leaf || strings.HasPrefix(line, leaf+" ") }) {
				r.t.Errorf("%q was never run", leaf)
			}
		}
	}
}

func (r *programRun) completions(path ...string) []string {
	r.t.Helper()
	stdout, _ := r.run(0, "", append(append([]string{"__complete"}, path...), "")...)
	var names []string
	for line := range strings.Lines(stdout) {
		if name, _, described := strings.Cut(strings.TrimSpace(line), "\t"); described {
			names = append(names, name)
		}
	}
	return names
}
