package app

import (
	"database/sql"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func withMetrics() map[string]string {
	return map[string]string{"TRIPORT_METRICS_LISTEN": "127.0.0.1:0", "TRIPORT_REFERRAL_DEADLINE": "1s"}
}

func TestMetricsCountEveryRequestByOutcome(t *testing.T) {
	t.Parallel()
	w := newServer(t, withMetrics())
	ann, bob := w.newClient("ann"), w.newClient("bob")
	before := w.scrape()

	session := map[string]string{"Cookie": "nl_session=" + bob.session}
	w.call("GET", "/?ref="+ann.code, nil)
	w.call("GET", "/r/"+ann.code, nil)
	w.call("GET", "/", nil)
	w.call("GET", "/somewhere/else", nil)
	w.call("GET", "/v1/auth/attribute", nil)
	w.call("GET", "/healthz", nil)
	w.call("GET", "/readyz", nil)
	w.call("POST", "/v1/auth/attribute", nil)
	w.call("POST", "/v1/auth/attribute", map[string]string{"Cookie": "nl_session=unknown"})
	w.call("POST", "/v1/auth/attribute", session)
	session["X-CSRF-Token"] = ann.csrf
	w.call("POST", "/v1/auth/attribute", session)
	for _, code := range []string{"", "not a code", bob.code, "nobody-has-it", ann.code, ann.code, ann.code} {
		w.attribute(bob, code)
	}
	w.attribute(ann, bob.code)

	after := w.scrape()
	want := map[string]float64{
		`outcome="pickup",route="/",status="200"`:                              1,
		`outcome="pickup",route="/r/:code",status="302"`:                       1,
		`outcome="ok",route="/",status="200"`:                                  1,
		`outcome="not_found",route="other",status="404"`:                       1,
		`outcome="method_not_allowed",route="other",status="405"`:              1,
		`outcome="ok",route="/healthz",status="200"`:                           1,
		`outcome="ok",route="/readyz",status="200"`:                            1,
		`outcome="unauthenticated",route="/v1/auth/attribute",status="401"`:    2,
		`outcome="csrf_missing",route="/v1/auth/attribute",status="403"`:       1,
		`outcome="csrf_invalid",route="/v1/auth/attribute",status="403"`:       1,
		`outcome="no_cookie",route="/v1/auth/attribute",status="200"`:          1,
		`outcome="invalid_code",route="/v1/auth/attribute",status="200"`:       1,
		`outcome="self_referral",route="/v1/auth/attribute",status="200"`:      1,
		`outcome="unknown_code",route="/v1/auth/attribute",status="200"`:       1,
		`outcome="attributed",route="/v1/auth/attribute",status="200"`:         1,
		`outcome="already_attributed",route="/v1/auth/attribute",status="200"`: 2,
		`outcome="referral_cycle",route="/v1/auth/attribute",status="200"`:     1,
	}
	got := map[string]float64{}
	for labels, n := range increases(before, after, "triport_requests_total") {
		got[strings.Trim(labels, "{}")] = n
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantDurations := map[string]float64{
		`{route="/"}`: 2, `{route="/r/:code"}`: 1, `{route="/v1/auth/attribute"}`: 12,
		`{route="/healthz"}`: 1, `{route="/readyz"}`: 1, `{route="other"}`: 2,
	}
	if diff := cmp.Diff(wantDurations, increases(before, after, "triport_request_duration_seconds_count")); diff != "" {
		t.Error(diff)
	}
	// no_cookie needs no transaction; the other attempts came one at a time.
	commits := after["triport_store_commit_duration_seconds_count"] - before["triport_store_commit_duration_seconds_count"]
	attempts := after["triport_store_batch_attempts_sum"] - before["triport_store_batch_attempts_sum"]
	if commits != attempts || attempts < 6 || attempts > 7 {
		t.Errorf("%v attempts in %v commits", attempts, commits)
	}
	if after["triport_database_bytes"] == 0 || after["triport_database_wal_bytes"] == 0 || after["triport_ready"] != 1 ||
		after["triport_files_readable"] != 1 || after["triport_store_errors_total"] != 0 || after["triport_connections"] < 1 {
		t.Errorf("the state is shown as %v", after)
	}
	wantNothingOf(t, after, ann, bob)
}

// wantNothingOf fails the test if a label contains data of a user.
func wantNothingOf(t *testing.T, figures map[string]float64, clients ...client) {
	t.Helper()
	for name := range figures {
		for _, c := range clients {
			for _, secret := range []string{c.code, c.session, c.csrf, "@"} {
				if strings.Contains(name, secret) {
					t.Errorf("%s contains data of a user", name)
				}
			}
		}
	}
}

// TestMetricsShowWaitingAttemptsUntilTheyAreDrained holds the write lock until an attempt is in the spool.
func TestMetricsShowWaitingAttemptsUntilTheyAreDrained(t *testing.T) {
	t.Parallel()
	w := newServer(t, withMetrics())
	ann, bob := w.newClient("ann"), w.newClient("bob")
	before := w.scrape()
	release := holdWriteLock(t, w.db)
	if got := w.attribute(bob, ann.code); got != `{"attributed":false,"reason":"internal_error"}` {
		t.Fatalf("the store is locked, and the answer is %s", got)
	}
	during := w.waitFor("an attempt waits", func(f map[string]float64) bool {
		return f["triport_spool_bytes"] > 0 && f["triport_spool_oldest_age_seconds"] > 0
	})
	if age := during["triport_spool_oldest_age_seconds"]; age < 1 || age > waitLimit.Seconds() {
		t.Errorf("it waited for %v s, after a deadline of 1 s", age) // its time is that of the call
	}
	release()
	after := w.waitFor("nothing waits", func(f map[string]float64) bool {
		return f["triport_spool_bytes"] == 0 && f["triport_spool_oldest_age_seconds"] == 0 && f["triport_spool_segments"] == 0
	})
	want := map[string]float64{"attempts_total": 1}
	got := increases(before, after, "triport_spool_")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := w.attribute(bob, ann.code); got != `{"attributed":false,"reason":"already_attributed"}` {
		t.Errorf("after the spool is empty: %s", got)
	}
}

func holdWriteLock(t *testing.T, database string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		if err := db.Close(); err != nil { // which ends the transaction
			t.Error(err)
		}
	})
	t.Cleanup(release)
	return release
}

// TestMetricsShowUnreadableFiles makes the spool a link to itself, which cannot be read.
func TestMetricsShowUnreadableFiles(t *testing.T) {
	t.Parallel()
	w := newServer(t, withMetrics())
	if err := os.Symlink("t.db.spool", w.db+".spool"); err != nil {
		t.Fatal(err)
	}
	f := w.scrape()
	_, sized := f["triport_database_wal_bytes"]
	if f["triport_ready"] != 0 || f["triport_files_readable"] != 0 || sized {
		t.Errorf("unreadable files are shown as %v", f)
	}
	if err := os.Remove(w.db + ".spool"); err != nil {
		t.Fatal(err)
	}
	w.waitFor("the files are readable again", func(f map[string]float64) bool {
		return f["triport_ready"] == 1 && f["triport_files_readable"] == 1 && f["triport_database_bytes"] > 0
	})
}

func TestMetricsAreOffByDefault(t *testing.T) {
	t.Parallel()
	w := newServer(t, nil)
	if w.metrics != "" {
		t.Errorf("they are on %s", w.metrics)
	}
	if status, _ := w.call("GET", "/metrics", nil); status != http.StatusNotFound {
		t.Errorf("the server itself answers %d", status)
	}
	off, err := listenMetrics(t.Context(), Options{Config: testConfig(t, filepath.Join(t.TempDir(), "t.db"), nil)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if off.answered != nil || off.committed != nil || off.spooled != nil {
		t.Error("hooks are set, which costs time")
	}
}

func TestMetricsHaveTheirOwnListener(t *testing.T) {
	t.Parallel()
	w := newServer(t, withMetrics())
	if status, _ := w.call("GET", "/metrics", nil); status != http.StatusNotFound {
		t.Errorf("the public address answers %d", status)
	}
	if strings.HasPrefix(w.metrics, w.url+"/") || !strings.HasSuffix(w.metrics, "/metrics") {
		t.Errorf("they are on %s, the server on %s", w.metrics, w.url)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	if res, err := http.Get(w.metrics); err == nil {
		_ = res.Body.Close()
		t.Error("the metrics outlive the server")
	}
}

func TestTakenMetricsAddressFailsBeforeTheDatabaseIsCreated(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	db := filepath.Join(t.TempDir(), "t.db")
	opt := Options{Config: testConfig(t, db, map[string]string{"TRIPORT_METRICS_LISTEN": ln.Addr().String()})}
	want := "the address " + ln.Addr().String() + " is taken: stop the other program, or choose another address with metrics.listen"
	if err := Run(t.Context(), opt); err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	if _, err := os.Stat(db); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the database was touched: %v", err)
	}
}
