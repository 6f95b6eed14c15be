package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/bench/internal/seed"
)

// TestMain runs a load, as in cmd/load, if a test started it as another process.
func TestMain(m *testing.M) {
	var cfg Config
	text, ok := os.LookupEnv("TEST_LOAD")
	if !ok {
		os.Exit(m.Run())
	}
	err := json.Unmarshal([]byte(text), &cfg)
	var r Result
	if err == nil {
		r, err = Run(cfg)
	}
	if err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(r)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runProcess is Run in another process.
func runProcess(t *testing.T, cfg Config) (r Result, err error) {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var errOut strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), "TEST_LOAD="+string(text)), &errOut
	out, err := cmd.Output()
	if err != nil {
		return r, errors.New(errOut.String())
	}
	return r, json.Unmarshal(out, &r)
}

func TestParseWaitsForCompleteAnswer(t *testing.T) {
	t.Parallel()
	const complete200 = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\nX: y\r\n\r\n{\"attributed\":true}"
	for n := range len(complete200) {
		if _, complete, err := parse([]byte(complete200[:n])); complete || err != nil {
			t.Fatalf("after %d bytes: %v %v", n, complete, err)
		}
	}
	got, complete, err := parse([]byte(complete200))
	if string(got) != `{"attributed":true}` || !complete || err != nil {
		t.Errorf("%q %v %v", got, complete, err)
	}
}

func TestParseReturnsStatusIfNot200(t *testing.T) {
	t.Parallel()
	got, complete, err := parse([]byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"))
	if string(got) != "503" || !complete || err != nil {
		t.Errorf("%q %v %v", got, complete, err)
	}
}

func TestParseRejectsUnknownLength(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
	} {
		if _, _, err := parse([]byte(answer)); err == nil {
			t.Errorf("%q: no error", answer)
		}
	}
}

func TestMixedHasFixedShares(t *testing.T) {
	t.Parallel()
	shares := map[Kind]int{}
	for i := range int64(2000) {
		shares[Mixed.kindOf(i)]++
	}
	if shares[NoCookie] != 1600 || shares[Attribute] != 300 || shares[Rejected] != 100 {
		t.Errorf("%v", shares)
	}
}

func TestParseCPUAcceptsAnyProcessName(t *testing.T) {
	t.Parallel()
	const stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1 1"
	if got := parseCPU(stat); got != 3*time.Second {
		t.Errorf("%s, want 3s", got)
	}
	if got := parseCPU("12 (a"); got != 0 {
		t.Errorf("truncated line: %s", got)
	}
}

func TestEachPersonCallsOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	calls := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("nl_session")
		if err != nil {
			http.Error(w, "no cookie", http.StatusUnauthorized)
			return
		}
		mu.Lock()
		calls[c.Value]++
		mu.Unlock()
		_, _ = io.WriteString(w, `{"attributed":true}`)
	}))
	defer srv.Close()
	addr := netip.MustParseAddrPort(srv.Listener.Addr().(*net.TCPAddr).String())
	cfg := Config{Addr: addr, Conns: 8, Kind: Attribute, First: 500, Count: 300, For: time.Minute}
	r, err := runProcess(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if r.Answers[`{"attributed":true}`] != cfg.Count || len(r.Answers) != 1 {
		t.Errorf("%v", r.Answers)
	}
	for n := cfg.First; n < cfg.First+cfg.Count; n++ {
		if token := seed.Tokens(n).Session; calls[token] != 1 {
			t.Errorf("person %d called %d times", n, calls[token])
		}
	}
	if r.P50 <= 0 || r.P99 < r.P50 || r.Requests != cfg.Count-1 {
		t.Errorf("%+v", r)
	}
}

func TestRunFailsIfServerClosesConnection(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer srv.Close()
	addr := netip.MustParseAddrPort(srv.Listener.Addr().(*net.TCPAddr).String())
	_, err := runProcess(t, Config{Addr: addr, Conns: 1, Kind: NoCookie, Count: 1, For: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("%v", err)
	}
}
