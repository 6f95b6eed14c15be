package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for what must happen, on a busy machine.
const patience = 20 * time.Second

// running is a server of the test's own, with all that belongs to it.
type running struct {
	t            *testing.T
	db           string
	url, figures string
	stop         func() int // ends it and returns its exit code
}

// serveIn runs the server on a database of its own, by the clock on the wall, and waits until it listens.
func serveIn(t *testing.T, env map[string]string) *running {
	t.Helper()
	s := newTestStreams()
	s.Now, s.Err = time.Now, io.Discard
	for name, value := range env {
		s.env[name] = value
	}
	out, stdout := io.Pipe()
	s.Out = stdout
	w := &running{t: t, db: filepath.Join(t.TempDir(), "t.db")}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		code := Run(ctx, s.Streams, []string{"serve", "--listen", "127.0.0.1:0", "--database", w.db, "-o", "json"})
		_ = stdout.Close()
		done <- code
	}()
	w.stop = sync.OnceValue(func() int {
		cancel()
		return <-done
	})
	t.Cleanup(func() { w.stop() })
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Listening string
		Metrics   *string
	}
	if err := json.Unmarshal(line, &said); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if w.url = said.Listening; said.Metrics != nil {
		w.figures = *said.Metrics
	}
	return w
}

// command runs a command beside the server and reads the JSON it prints.
func (w *running) command(into any, args ...string) {
	w.t.Helper()
	s := newTestStreams()
	s.Now, s.Random = SystemStreams().Now, SystemStreams().Random
	if code := runIn(s, w.db, append(args, "-o", "json")...); code != 0 {
		w.t.Fatalf("%v: exit code %d, %s", args, code, s.err.String())
	}
	if err := json.Unmarshal(s.out.Bytes(), into); err != nil {
		w.t.Fatalf("%v: %v", args, err)
	}
}

// member is somebody with an account, a code and a session.
type member struct{ code, session, csrf string }

func (w *running) member(name string) member {
	w.t.Helper()
	var u struct{ Code string }
	w.command(&u, "user", "create", "--email", name+"@example.com")
	var s sessionJSON
	w.command(&s, "session", "create", name+"@example.com")
	return member{u.Code, s.Session, s.CSRF}
}

// call asks the server and returns the status and the body.
func (w *running) call(method, path string, header map[string]string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.url+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // it follows no redirect
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// attribute makes the main call as m, with that code in the cookie.
func (w *running) attribute(m member, code string) string {
	w.t.Helper()
	_, body := w.call("POST", "/v1/auth/attribute", map[string]string{
		"Cookie": "nl_session=" + m.session + "; nl_csrf=" + m.csrf + "; ref_code=" + code, "X-CSRF-Token": m.csrf})
	return body
}

// scrape returns the program's own figures but for the buckets, by their names and labels.
func (w *running) scrape() map[string]float64 {
	w.t.Helper()
	res, err := http.Get(w.figures)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %v %s", res.StatusCode, err, body)
	}
	figures := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(line, ' ')
		if !strings.HasPrefix(line, "triport_") || strings.Contains(line, "_bucket{") {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		if err != nil {
			w.t.Fatalf("%q: %v", line, err)
		}
		figures[line[:at]] = value
	}
	return figures
}

// until scrapes until the figures are as wanted, and returns them.
func (w *running) until(what string, wanted func(map[string]float64) bool) map[string]float64 {
	w.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); ; <-again.C {
		figures := w.scrape()
		if wanted(figures) {
			return figures
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the figures never told that %s: %v", what, figures)
		}
	}
}

// grown returns by how much the counters with that prefix grew, those that did.
func grown(before, after map[string]float64, prefix string) map[string]float64 {
	more := map[string]float64{}
	for name, value := range after {
		if strings.HasPrefix(name, prefix) && value != before[name] {
			more[strings.TrimPrefix(name, prefix)] = value - before[name]
		}
	}
	return more
}
