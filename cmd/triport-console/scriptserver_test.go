package main

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// world is what a script's commands share.
type world struct {
	client *http.Client
	server *exec.Cmd
	stderr bytes.Buffer
}

func setup(env *testscript.Env) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	// Under the race detector a process sleeps for a second before it exits, a minute and a half in all.
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Values["world"] = &world{client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return nil
}

func worldOf(ts *testscript.TestScript) *world {
	w, ok := ts.Value("world").(*world)
	if !ok {
		ts.Fatalf("the script has no world")
	}
	return w
}

// serve starts the server on a free port and waits until it listens; its address is in $URL and $ADDRESS,
// and that of its metrics, when they are on, in $METRICS.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
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
	said := bufio.NewReader(out)
	line, err := said.ReadString('\n')
	if err != nil {
		_ = w.server.Wait()
		w.server = nil
		ts.Fatalf("the server ended: %s", w.stderr.String())
	}
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		ts.Fatalf("the server says %q", line)
	}
	ts.Setenv("URL", address)
	ts.Setenv("ADDRESS", strings.TrimPrefix(address, "http://"))
	ts.Setenv("METRICS", "")
	if said.Buffered() > 0 { // both lines are one write
		line, err := said.ReadString('\n')
		ts.Check(err)
		ts.Setenv("METRICS", strings.TrimPrefix(strings.TrimSpace(line), "metrics on "))
	}
}

// stop asks the server to end, wants exit code 0, and leaves its log in the file named.
func stop(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	if neg || len(args) != 1 || w.server == nil {
		ts.Fatalf("usage: stop logfile, while a server runs")
	}
	ts.Check(w.server.Process.Signal(syscall.SIGTERM))
	code := codeOf(ts, w.server.Wait())
	w.server = nil
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), w.stderr.Bytes(), 0o600))
	if code != 0 {
		ts.Fatalf("the server ended with exit code %d: %s", code, w.stderr.String())
	}
}

// cookie puts a cookie into the browser: cookie nl_session $SESSION.
func cookie(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cookie name value")
	}
	u, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	worldOf(ts).client.Jar.SetCookies(u, []*http.Cookie{{Name: args[0], Value: args[1], Path: "/"}})
}

// httpCall sends a request with the browser's cookies and leaves the answer, head and body, in the
// file "response": http POST /v1/auth/attribute 'X-CSRF-Token: …'. A whole address may stand for the path.
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
	res, err := worldOf(ts).client.Do(req)
	ts.Check(err)
	var b bytes.Buffer
	ts.Check(res.Write(&b))
	ts.Check(res.Body.Close())
	text := strings.ReplaceAll(b.String(), "\r\n", "\n")
	ts.Check(os.WriteFile(ts.MkAbs("response"), []byte(text), 0o600))
}
