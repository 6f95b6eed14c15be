package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptState is what the commands of a script share.
type scriptState struct {
	client *http.Client
	server *exec.Cmd
	stderr bytes.Buffer
}

func setup(env *testscript.Env) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	// An empty configuration file hides those of the host.
	dir := filepath.Join(env.WorkDir, "xdg-empty", "triport-console")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), nil, 0o600); err != nil {
		return err
	}
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "xdg-empty"))
	// Under the race detector a process sleeps for a second before it exits, a minute and a half in all.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Values["state"] = &scriptState{client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return nil
}

func stateOf(ts *testscript.TestScript) *scriptState {
	w, ok := ts.Value("state").(*scriptState)
	if !ok {
		ts.Fatalf("setup did not run")
	}
	return w
}

// serve starts the server on a free port and waits until it listens. It sets $URL, $ADDRESS and, if the metrics are
// on, $METRICS.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	w := stateOf(ts)
	if neg || w.server != nil {
		ts.Fatalf("usage: serve [argument...], once at a time")
	}
	w.stderr.Reset()
	w.server = command(ts, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	w.server.Stderr = &w.stderr
	out, err := w.server.StdoutPipe()
	ts.Check(err)
	ts.Check(w.server.Start())
	ts.Defer(func() {
		if w.server != nil {
			_ = w.server.Process.Kill()
			_ = w.server.Wait()
		}
	})
	stdout := bufio.NewReader(out)
	line, err := stdout.ReadString('\n')
	if err != nil {
		_ = w.server.Wait()
		w.server = nil
		ts.Fatalf("the server ended: %s", w.stderr.String())
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		ts.Fatalf("the server prints %q", line)
	}
	ts.Setenv("URL", address)
	ts.Setenv("ADDRESS", strings.TrimPrefix(address, "http://"))
	ts.Setenv("METRICS", "")
	if stdout.Buffered() > 0 { // both lines are one write
		line, err := stdout.ReadString('\n')
		ts.Check(err)
		ts.Setenv("METRICS", strings.TrimPrefix(strings.TrimSpace(line), "metrics on "))
	}
}

// stop sends the server SIGTERM, requires exit code 0, and writes its stderr to a file: stop log.
func stop(ts *testscript.TestScript, neg bool, args []string) {
	w := stateOf(ts)
	if neg || len(args) != 1 || w.server == nil {
		ts.Fatalf("usage: stop logfile, while a server runs")
	}
	ts.Check(w.server.Process.Signal(syscall.SIGTERM))
	ended(ts, false, []string{"0", args[0]})
}

// ended waits until the server ends with this exit code, and writes its stderr to a file: ended 1 log.
func ended(ts *testscript.TestScript, neg bool, args []string) {
	w := stateOf(ts)
	if neg || len(args) != 2 || w.server == nil {
		ts.Fatalf("usage: ended code logfile, while a server runs")
	}
	code := codeOf(ts, w.server.Wait())
	w.server = nil
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), w.stderr.Bytes(), 0o600))
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("the server ended with exit code %d: %s", code, w.stderr.String())
	}
}

// cookie sets a cookie in the jar: cookie nl_session $SESSION.
func cookie(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cookie name value")
	}
	u, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	stateOf(ts).client.Jar.SetCookies(u, []*http.Cookie{{Name: args[0], Value: args[1], Path: "/"}})
}

// httpCall sends a request with the cookies of the jar and writes the response with its headers to the file
// "response": http POST /v1/auth/attribute 'X-CSRF-Token: …'. The path may be a complete URL.
func httpCall(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: http method path [header...]")
	}
	target := args[1]
	if strings.HasPrefix(target, "/") {
		target = ts.Getenv("URL") + target
	}
	req, err := http.NewRequest(args[0], target, http.NoBody)
	ts.Check(err)
	for _, header := range args[2:] {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	res, err := stateOf(ts).client.Do(req)
	ts.Check(err)
	var b bytes.Buffer
	ts.Check(res.Write(&b))
	ts.Check(res.Body.Close())
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	ts.Check(os.WriteFile(ts.MkAbs("response"), []byte(text), 0o600))
}
