package metrics

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var (
	attributed = Answer{"/v1/auth/attribute", 200, "attributed"}
	rejected   = Answer{"/v1/auth/attribute", 401, "unauthenticated"}
)

func newMetrics() *Metrics {
	return New(Build{Version: "v1.2.3", Commit: "abc", SQLite: "3.51.3"}, []Answer{attributed, rejected})
}

// idleSources are the sources of an idle server.
func idleSources() Sources {
	return Sources{
		Connections: func() int { return 0 }, Queued: func() int { return 0 },
		Ready: func(context.Context) bool { return true },
		Files: func() (Files, error) { return Files{}, nil },
	}
}

// scrape returns the program's own metrics by name and labels.
func scrape(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, Path, http.NoBody))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(rec.Body.String()) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(name, "triport_") || strings.Contains(name, "_bucket{") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		metrics[name] = n
	}
	return metrics
}

func TestMetricsFollowPrometheusNamingRules(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Watch(idleSources())
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestCountersBeginAtZeroAndCount(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	s := idleSources()
	s.Connections, s.Queued = func() int { return 3 }, func() int { return 4 }
	s.Files = func() (Files, error) {
		return Files{Database: 1, WAL: 2, Spool: 3, SpoolDeadLetters: 4, SpoolSegments: 5, SpoolAge: 6500 * time.Millisecond}, nil
	}
	m.Watch(s)
	before := scrape(t, m)
	for _, name := range []string{
		`triport_requests_total{outcome="attributed",route="/v1/auth/attribute",status="200"}`,
		`triport_requests_total{outcome="unauthenticated",route="/v1/auth/attribute",status="401"}`,
		`triport_requests_total{outcome="other",route="other",status="other"}`,
		"triport_store_errors_total", "triport_spool_attempts_total", "triport_spool_errors_total",
	} {
		if value, there := before[name]; !there || value != 0 {
			t.Errorf("%s is %v at the start, want 0", name, value)
		}
	}
	m.Answered(attributed, time.Second)
	m.Answered(attributed, time.Second)
	m.Committed(2, 500*time.Millisecond, nil)
	m.Committed(7, time.Second, errors.New("the disk is gone"))
	m.Spooled(nil)
	m.Spooled(errors.New("the disk is full"))
	m.Spooled(errors.New("the disk is full"))
	changed := scrape(t, m)
	for name, value := range before {
		if changed[name] == value && !strings.HasPrefix(name, "triport_database") && !strings.HasPrefix(name, "triport_spool_") {
			delete(changed, name)
		}
	}
	want := map[string]float64{
		`triport_requests_total{outcome="attributed",route="/v1/auth/attribute",status="200"}`: 2,
		`triport_request_duration_seconds_count{route="/v1/auth/attribute"}`:                   2,
		`triport_request_duration_seconds_sum{route="/v1/auth/attribute"}`:                     2,
		"triport_store_batch_attempts_count":                                                   1, "triport_store_batch_attempts_sum": 2,
		"triport_store_commit_duration_seconds_count": 1, "triport_store_commit_duration_seconds_sum": .5,
		"triport_store_errors_total":   1,
		"triport_spool_attempts_total": 1, "triport_spool_errors_total": 2,
		"triport_database_bytes": 1, "triport_database_wal_bytes": 2,
		"triport_spool_bytes": 3, "triport_spool_bad_bytes": 4, "triport_spool_segments": 5, "triport_spool_oldest_age_seconds": 6.5,
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Error(diff)
	}
	if before["triport_connections"] != 3 || before["triport_store_queue_attempts"] != 4 || before["triport_ready"] != 1 {
		t.Errorf("the metrics of the sources are %v", before)
	}
}

func TestUnknownAnswersCreateNoTimeSeries(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	before := scrape(t, m)
	m.Answered(Answer{"/v1/auth/attribute", 418, "attributed"}, time.Second)
	m.Answered(Answer{"/ann@example.com", 200, "attributed"}, time.Second)
	after := scrape(t, m)
	if len(after) != len(before) {
		t.Errorf("%d series, then %d", len(before), len(after))
	}
	if got := after[`triport_requests_total{outcome="other",route="other",status="other"}`]; got != 2 {
		t.Errorf("%v were counted as other", got)
	}
}

func TestBuildInfoHasTheVersions(t *testing.T) {
	t.Parallel()
	for name, value := range scrape(t, newMetrics()) {
		if strings.HasPrefix(name, `triport_build_info{commit="abc",go="go`) && strings.HasSuffix(name, `",sqlite="3.51.3",version="v1.2.3"}`) && value == 1 {
			return
		}
	}
	t.Error("build_info is missing")
}

func TestUnreadableFilesHaveNoMetrics(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	s := idleSources()
	var failure error
	s.Files = func() (Files, error) { return Files{WAL: 5}, failure }
	m.Watch(s)
	if got := scrape(t, m); got["triport_files_readable"] != 1 || got["triport_database_wal_bytes"] != 5 {
		t.Errorf("a healthy disk: %v", got)
	}
	failure = errors.New("no disk")
	got := scrape(t, m)
	if _, there := got["triport_database_wal_bytes"]; there || got["triport_files_readable"] != 0 {
		t.Errorf("metrics of unreadable files: %v", got)
	}
}

// While the disk hangs, the page must answer, and scrapes must not pile up.
func TestDiskThatHangsDoesNotHideOtherMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics()
		hung := make(chan struct{})
		defer close(hung)
		reads := make(chan string, 100)
		s := idleSources()
		s.Files = func() (Files, error) { reads <- "files"; <-hung; return Files{}, nil }
		s.Ready = func(context.Context) bool { reads <- "ready"; <-hung; return true }
		m.Watch(s)
		for range 2 {
			m.Answered(attributed, time.Second)
			start, got := time.Now(), scrape(t, m)
			if got["triport_files_readable"] != 0 || got["triport_ready"] != 0 {
				t.Errorf("a disk that hangs counts as ok: %v", got)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("the scrape took %s, want 2s", took)
			}
		}
		if got := scrape(t, m)[`triport_requests_total{outcome="attributed",route="/v1/auth/attribute",status="200"}`]; got != 2 {
			t.Errorf("%v requests, want 2", got)
		}
		if len(reads) != 2 {
			t.Errorf("the disk was read %d times, want 2", len(reads))
		}
	})
}

func TestMetricsOfADiskThatRecoversAreShownAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics()
		hung := make(chan struct{})
		s := idleSources()
		s.Files = func() (Files, error) { <-hung; return Files{WAL: 5}, nil }
		m.Watch(s)
		if got := scrape(t, m)["triport_files_readable"]; got != 0 {
			t.Errorf("triport_files_readable is %v while the disk hangs, want 0", got)
		}
		close(hung)
		synctest.Wait()
		if got := scrape(t, m); got["triport_files_readable"] != 1 || got["triport_database_wal_bytes"] != 5 {
			t.Errorf("after the disk recovered: %v", got)
		}
	})
}

func TestOnlyTheMetricsPageExists(t *testing.T) {
	t.Parallel()
	h := newMetrics().Handler()
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{http.MethodGet, "/metrics", 200}, {http.MethodHead, "/metrics", 200}, {http.MethodPost, "/metrics", 405},
		{http.MethodGet, "/", 404}, {http.MethodGet, "/metrics/", 404}, {http.MethodGet, "/debug/pprof/", 404}, {http.MethodGet, "/healthz", 404},
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(row.method, row.path, http.NoBody))
		if rec.Code != row.want {
			t.Errorf("%s %s: %d, not %d", row.method, row.path, rec.Code, row.want)
		}
	}
}

// newServer starts a server that the test must close. served receives the result of Serve.
func newServer(t *testing.T) (s *Server, address string, served <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = newMetrics().NewServer()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	return s, ln.Addr().String(), ended
}

func TestServerServesUntilItIsClosed(t *testing.T) {
	t.Parallel()
	s, address, served := newServer(t)
	res, err := http.Get("http://" + address + Path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain; version=0.0.4") ||
		!strings.Contains(string(body), "\ngo_goroutines ") || !strings.Contains(string(body), "# TYPE triport_requests_total counter") {
		t.Errorf("%d %s\n%s", res.StatusCode, res.Header, body)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + address + Path); err == nil {
		t.Error("the page is served after Close")
	}
}

func TestSilentConnectionsAreLimited(t *testing.T) {
	t.Parallel()
	s, address, served := newServer(t)
	var silent []net.Conn
	for range maxConnections + 1 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		silent = append(silent, c)
	}
	if _, err := silent[maxConnections].Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("one connection too many: %v", err)
	}
	for _, c := range silent {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); { // until the server has noticed that they are closed
		var res *http.Response
		if res, err = http.Get("http://" + address + Path); err == nil {
			_ = res.Body.Close()
			break
		}
	}
	if err != nil {
		t.Errorf("not served after the others were closed: %v", err)
	}
	if err := errors.Join(s.Close(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := newMetrics()
	if n := testing.AllocsPerRun(100, func() {
		m.Answered(attributed, time.Millisecond)
		m.Committed(5, time.Millisecond, nil)
		m.Spooled(nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAnswered(b *testing.B) {
	m := newMetrics()
	b.ReportAllocs()
	for b.Loop() {
		m.Answered(attributed, time.Millisecond)
	}
}
