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

// TestSecretsLeaveOnlyAsCookies does all that the program can, with secrets in every place a request has,
// and looks for them in all that came out: answers, the log at debug level in each format, the output of
// every command, the process list, and the files, whatever they were for a moment.
func TestSecretsLeaveOnlyAsCookies(t *testing.T) {
	t.Parallel()
	for format, form := range logForms {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			l := newLife(t, "TRIPORT_LOG_FORMAT="+format)
			l.everything()
			for _, p := range []person{l.ann, l.bob} {
				for _, secret := range []string{p.Session, p.CSRF} {
					l.wantNowhere(secret)
				}
			}
			l.wantEveryCommandRan()
			lines := strings.Split(strings.TrimSuffix(l.seen["the log"], "\n"), "\n")
			if requests := len(l.secretPlaces()) + len(forgedPlaces()); len(lines) < requests {
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

// TestFilesAreTheirOwnersAloneUnderAnyUmask demands 0600 of each file that the program ever makes.
func TestFilesAreTheirOwnersAloneUnderAnyUmask(t *testing.T) {
	t.Parallel()
	l := newLife(t)
	l.everything()
	made := l.files()
	for _, name := range []string{"triport.db", "triport.db.spool.lock", "triport.db.spool.bad", "copy.db"} {
		if _, ok := made[name]; !ok {
			t.Errorf("there is no %s: nothing is known of its mode", name)
		}
	}
	for name := range made {
		info, err := os.Stat(filepath.Join(l.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// logForms tell, for each format, whether a line is one that the program itself wrote.
var logForms = map[string]func(line string) bool{
	"text":   regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBU|INFO|WARN|ERRO) [ -~µ]+$`).MatchString,
	"logfmt": regexp.MustCompile(`^time=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ level=(debug|info|warn|error) msg=[ -~µ]+$`).MatchString,
	"json": func(line string) bool {
		return regexp.MustCompile(`^\{"time":"[ -~µ]+\}$`).MatchString(line) && json.Valid([]byte(line))
	},
}

// wantNowhere looks for a secret as it is, and as the bytes it stands for.
func (l *life) wantNowhere(secret string) {
	l.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(raw) != 32 {
		l.t.Fatalf("the program printed a token of %d bytes (%v)", len(raw), err)
	}
	for where, what := range l.seen {
		if strings.Contains(what, secret) || strings.Contains(what, string(raw)) {
			l.t.Errorf("a secret is in %s", where)
		}
	}
}

// requests sends the secrets and the forgeries.
func (l *life) requests() {
	l.t.Helper()
	for i, raw := range append(l.secretPlaces(), forgedPlaces()...) {
		answer := l.ask(raw)
		if !strings.HasPrefix(answer, "HTTP/1.1 ") {
			l.t.Errorf("%.60q is answered %q", raw, answer)
		}
		l.seen["answer "+string(rune('a'+i%26))+raw[:min(len(raw), 20)]] += answer
	}
}

// call is the main call, made by a person.
func (l *life) call(p person, code string, lines ...string) string {
	cookies := "Cookie: nl_session=" + p.Session + "; nl_csrf=" + p.CSRF + "; ref_code=" + code
	return request("POST /v1/auth/attribute", append(lines, cookies)...)
}

func request(line string, lines ...string) string {
	return line + " HTTP/1.1\r\nHost: console.test\r\nConnection: close\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
}

// secretPlaces are requests with secrets where they belong, and wherever else somebody may put them.
func (l *life) secretPlaces() []string {
	token := "X-CSRF-Token: " + l.bob.CSRF
	secrets := "nl_session=" + l.bob.Session + "&nl_csrf=" + l.bob.CSRF
	body := func(raw string) string {
		return strings.Replace(raw, "\r\n\r\n", "\r\nContent-Length: "+strconv.Itoa(len(secrets))+"\r\n\r\n"+secrets, 1)
	}
	return []string{
		l.call(l.bob, l.ann.Code, token),
		l.call(l.bob, l.ann.Code, token),
		l.call(l.bob, "", token),
		l.call(l.ann, l.ann.Code, "X-CSRF-Token: "+l.ann.CSRF),
		l.call(l.bob, l.ann.Code),
		l.call(l.bob, l.ann.Code, "X-CSRF-Token: "+l.ann.CSRF),
		l.call(l.bob, l.ann.Code, token, token),
		l.call(l.bob, l.ann.Code, token, "Origin: https://"+l.bob.Session+".example"),
		l.call(l.bob, l.ann.Code, token, "Cookie: nl_session="+l.ann.Session),
		body(l.call(l.bob, "abc", token)),
		body(request("POST /v1/auth/attribute?"+secrets, token)),
		request("POST /v1/auth/attribute", "Authorization: Bearer "+l.bob.Session, "X-Session-Token: "+l.bob.Session),
		request("GET /?ref="+l.bob.Session+"&"+secrets, "Referer: https://console.test/?"+secrets, "User-Agent: "+l.bob.Session),
		request("GET /r/" + l.bob.Session),
		request("GET /" + l.bob.Session),
		request("GET /", "X-Request-Id: "+l.bob.Session),
		request(l.bob.Session + " /"),
		request("GET /", "Cookie : nl_session="+l.bob.Session),
		request("GET /", "Cookie: nl_session="+l.bob.Session, " folded: "+l.bob.CSRF),
		request("GET /", "Host: "+l.bob.Session, token),
		request("GET /", "X-Padding: "+strings.Repeat(l.bob.Session, 500)),
		"nl_session=" + l.bob.Session + "\r\n\r\n",
	}
}

// forgedPlaces are requests that try to write a line of the log.
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

// commands runs every command beside the server.
func (l *life) commands() {
	l.t.Helper()
	for _, line := range []string{
		"code set ann@example.com ann-invites", "code list ann@example.com", "code disable ann@example.com",
		"user list", "user list -o json",
		"referral inspect bob@example.com", "referral inspect bob@example.com -o json",
		"referral replay --dry-run", "referral replay", "referral replay --rejected", "referral verify",
		"db check", "db migrate", "db backup copy.db", "config show", "config show -o json",
		"version", "completion bash", "help", "help session create",
		"session revoke bob@example.com", "user disable bob@example.com",
	} {
		l.do(strings.Fields(line)...)
	}
	stdout, stderr := l.run(0, `{"email":"cid@example.com"}`+"\n", "user", "import", "-")
	l.seen["user import"] = stdout + stderr
	stdout, stderr = l.run(2, "", "session", "create", "--nl_session="+l.bob.Email)
	l.seen["a wrong session create"] = stdout + stderr
}

// setAside lets a broken line of the spool move to the file of broken lines. The server has ended.
func (l *life) setAside() {
	l.t.Helper()
	spool, err := os.OpenFile(filepath.Join(l.dir, "triport.db.spool"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := spool.WriteString("rubbish\n"); err != nil {
		l.t.Fatal(err)
	}
	if err := spool.Close(); err != nil {
		l.t.Fatal(err)
	}
	stdout, stderr := l.run(1, "", "referral", "replay")
	l.seen["a replay of rubbish"] = stdout + stderr
}

// wantEveryCommandRan asks the program itself which commands it has, as a shell that completes does.
func (l *life) wantEveryCommandRan() {
	l.t.Helper()
	all := l.completions()
	if len(all) < 8 {
		l.t.Fatalf("the program names the commands %q, which cannot be all", all)
	}
	for _, name := range all {
		leaves := []string{name}
		if name != "help" && name != "completion" { // whose arguments are no commands
			if below := l.completions(name); len(below) > 0 {
				leaves = leaves[:0]
				for _, b := range below {
					leaves = append(leaves, name+" "+b)
				}
			}
		}
		for _, leaf := range leaves {
			if !slices.ContainsFunc(l.ran, func(line string) bool { return line == leaf || strings.HasPrefix(line, leaf+" ") }) {
				l.t.Errorf("%q was never run: nothing is known of what it prints", leaf)
			}
		}
	}
}

func (l *life) completions(path ...string) []string {
	l.t.Helper()
	stdout, _ := l.run(0, "", append(append([]string{"__complete"}, path...), "")...)
	var names []string
	for line := range strings.Lines(stdout) {
		if name, _, described := strings.Cut(strings.TrimSpace(line), "\t"); described {
			names = append(names, name)
		}
	}
	return names
}
