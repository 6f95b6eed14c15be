package disks

import (
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

const (
	crowd = 12 // people who call at the same time
	// answerWithin is referral.deadline and the spool's time, 2 s each, and what a busy machine adds.
	answerWithin = 4*time.Second + 1500*time.Millisecond
	// tellsWithin bounds the time until /readyz tells of a sick disk.
	tellsWithin = 20 * time.Second
	// healsWithin bounds the time from the disk's recovery to the server's.
	healsWithin = 15 * time.Second
	// probeEvery is how often somebody calls while the server heals.
	probeEvery = 100 * time.Millisecond
)

// house is a server on a disk that gets sick.
type house struct {
	*harness.Site
	lossy  *lossyfs.Site // nil on an ordinary disk
	srv    *harness.Server
	client *harness.Client
	ledger *harness.Ledger

	mu       sync.Mutex
	next     int // of the people who have not called
	statuses map[int]int
	slowest  time.Duration
	unready  string // what /readyz said
	healed   time.Duration
	replayed int // lines of the error log
	verdict  harness.Verdict
}

// people are enough for every case.
const people = 1 + 8*crowd + int(healsWithin/probeEvery)

func newHouse(t *testing.T, dir string) *house {
	t.Helper()
	s := harness.NewSite(t, dir)
	s.Populate(people)
	return open(&house{Site: s})
}

func newLossyHouse(t *testing.T) *house {
	t.Helper()
	s := lossyfs.NewSite(t, people)
	return open(&house{Site: s.Site, lossy: s})
}

func open(h *house) *house {
	h.srv, h.client, h.ledger = h.Serve(), harness.NewClient(crowd), harness.NewLedger()
	h.next, h.statuses = 1, make(map[int]int)
	h.T.Cleanup(h.client.Close)
	// Every look opens one more of the connections that read. Under root SQLite changes the owner of the
	// log when it opens one, and FUSE lets nobody do that while an fsync hangs.
	for range 8 {
		h.becomes(true, harness.Patience)
	}
	return h
}

// code is what all people bring.
func (h *house) code() string { return h.People[0].Code }

// wave has a crowd call at once.
func (h *house) wave() {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(h.T.Context(), harness.Patience)
	defer cancel()
	var all sync.WaitGroup
	for range crowd {
		p := h.People[h.next]
		h.next++
		all.Go(func() { h.call(ctx, p) })
	}
	all.Wait()
}

func (h *house) call(ctx context.Context, p harness.Person) {
	h.ledger.Sent(p, h.code())
	a, err := h.client.Attribute(ctx, h.srv.Address, p, h.code())
	if err != nil {
		h.T.Errorf("no answer: %v", err)
		return
	}
	h.ledger.Answered(p, h.code(), a)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statuses[a.Status]++
	h.slowest = max(h.slowest, a.Took)
	if a.Took > answerWithin {
		h.T.Errorf("an answer (%d %s%s) took %s", a.Status, a.Reason, a.Error, a.Took)
	}
	if a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
		h.T.Errorf("answered with %d %s", a.Status, a.Error)
	}
}

// well has a crowd call, all of whom must be attributed.
func (h *house) well(when string) {
	h.T.Helper()
	_, before := h.ledger.Count("attributed")
	h.wave()
	if _, after := h.ledger.Count("attributed"); after != before+crowd {
		h.T.Fatalf("%s: %d of %d were attributed: %v\n%s", when, after-before, crowd, h.ledger.Answers(), h.srv.Log())
	}
}

// sick has crowds call on a sick disk until readiness has told, and once more after.
func (h *house) sick() {
	h.T.Helper()
	h.wave()
	h.becomes(false, tellsWithin)
	h.wave()
}

// becomes waits until the server says that it is ready, or that it is not and why.
func (h *house) becomes(ready bool, within time.Duration) (took time.Duration) {
	h.T.Helper()
	began := time.Now()
	var last string
	for time.Since(began) < within {
		is, message, err := h.client.Ready(h.T.Context(), h.srv.Address)
		if err == nil && is == ready {
			if !ready && message == "" {
				h.T.Error("/readyz says 503 and not why")
			}
			if !ready {
				h.unready = message
			}
			return time.Since(began)
		}
		last = message
		<-time.After(20 * time.Millisecond)
	}
	h.T.Fatalf("after %s /readyz still says ready=%v, %q\n%s", within, !ready, last, h.srv.Log())
	return 0
}

// heals waits until the server is ready, attributes at once and has an empty spool, and replays what
// only the log has.
func (h *house) heals() {
	h.T.Helper()
	began := time.Now()
	h.becomes(true, healsWithin)
	for !h.attributes() || h.waiting() {
		if time.Since(began) > healsWithin {
			h.T.Fatalf("after %s attempts still wait in the spool, or go there: %v\n%s", healsWithin, h.ledger.Answers(), h.srv.Log())
		}
		<-time.After(probeEvery)
	}
	h.healed = time.Since(began)
	h.replayLog()
}

// attributes tells whether a call is attributed at once.
func (h *house) attributes() bool {
	_, before := h.ledger.Count("attributed")
	p := h.People[h.next]
	h.next++
	h.call(h.T.Context(), p)
	_, after := h.ledger.Count("attributed")
	return after > before
}

func (h *house) replayLog() {
	h.T.Helper()
	var lines strings.Builder
	for line := range strings.Lines(h.srv.Log()) {
		if strings.HasPrefix(line, "{") && strings.Contains(line, `"attempt_id"`) {
			lines.WriteString(line)
			h.replayed++
		}
	}
	if h.replayed == 0 {
		return
	}
	if _, err := h.Run([]byte(lines.String()), "referral", "replay", "--from", "-"); err != nil {
		h.T.Fatal(err)
	}
}

func (h *house) waiting() bool {
	if h.lossy != nil {
		return h.lossy.Waiting()
	}
	entries, err := os.ReadDir(h.Dir)
	if err != nil {
		h.T.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && lossyfs.SpoolFile(e.Name()) && info.Size() > 0 {
			return true
		}
	}
	return false
}

// settle ends the server and holds the store against what was acknowledged.
func (h *house) settle(what string) {
	h.T.Helper()
	site := h.Site
	if h.lossy != nil {
		h.lossy.Cut(lossyfs.Nothing, h.srv)
		site = h.lossy.Copy()
	} else {
		h.srv.Stop()
	}
	h.verdict = site.Check(h.ledger, true)
	h.figures(what)
	if v := h.verdict; v.Bad() {
		h.T.Errorf("%d lost, %d doubled, %d unsound\n%.3q\n%.3q\n%.3q\n%s", len(v.Lost), len(v.Doubled), len(v.Unsound),
			v.Lost[:min(3, len(v.Lost))], v.Doubled[:min(3, len(v.Doubled))], v.Unsound, h.srv.Log())
	}
}

func (h *house) figures(what string) {
	h.T.Helper()
	sent, _ := h.ledger.Count("")
	var seed uint64
	if h.lossy != nil {
		seed = h.lossy.Seed
	}
	harness.Figures(h.T, "disks "+what, "seed", seed, "requests", sent, "ok", h.statuses[http.StatusOK], "unavailable", h.statuses[http.StatusServiceUnavailable],
		"acknowledged", h.verdict.Acknowledged, "spooled", h.verdict.Waited, "from-log", h.replayed, "lost", len(h.verdict.Lost),
		"doubled", len(h.verdict.Doubled), "slowest", h.slowest.Round(time.Millisecond), "healed-in", h.healed.Round(time.Millisecond),
		"readyz", "\""+h.unready+"\"")
}

// onlyOK says that every call so far was answered with 200: the sessions could be checked.
func (h *house) onlyOK() {
	h.T.Helper()
	if n := h.statuses[http.StatusServiceUnavailable]; n > 0 {
		h.T.Errorf("%d calls were answered 503 although their sessions could be checked\n%s", n, h.srv.Log())
	}
}
