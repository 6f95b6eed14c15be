package hostile

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	mebibyte = 1 << 20
	// The slack is what the process may use beside what an attack is allowed: garbage not collected yet, the
	// store's connections and caches, the bystander.
	slackMemory      = 48 * mebibyte
	slackDescriptors = 40
	// prompt is within what time 99 of 100 of the bystander's calls are answered. It is long, for the
	// attacker, the bystander and the tests of other packages share the processors with the server.
	prompt = 2 * time.Second
)

// siege is a server under attack, and what is demanded of it meanwhile.
type siege struct {
	*testing.T
	site    *harness.Site
	srv     *harness.Server
	ledger  *harness.Ledger
	polite  *bystander
	code    string // that everybody names
	manners manners
	before  harness.Vitals

	end  context.CancelFunc
	busy sync.WaitGroup

	mu          sync.Mutex
	free        []harness.Person // nobody has called for them yet
	baits       []harness.Person // whose calls must never run
	unsure      []harness.Person // whose calls may have run: nobody read the answers
	answers     map[string]int   // to the attackers, by outcome
	faults      []string
	descriptors int // most that were open at a time
}

// manners are how the bystander calls beside an attack.
type manners struct {
	kept    bool // on its kept connections only, for the server can take no new ones
	without bool // without a code, for the store cannot be written
}

// bystanders is how many people the bystander calls for.
const bystanders = 400

// besiege starts a server with people enough for the bystander and n for the attack.
func besiege(t *testing.T, n int, m manners) *siege {
	s := &siege{T: t, site: harness.NewSite(t, t.TempDir()), ledger: harness.NewLedger(), manners: m, answers: make(map[string]int)}
	s.site.Populate(1 + bystanders + n)
	s.code = s.site.People[0].Code
	s.free = slices.Clone(s.site.People[1+bystanders:])
	s.srv = s.site.Serve()
	s.polite = &bystander{s: s, people: s.site.People[1 : 1+bystanders], http: &http.Client{Timeout: harness.Patience, Transport: &http.Transport{}}, kept: harness.NewClient(1)}
	s.polite.health(t.Context()) // the kept connections stand before the attack begins
	s.polite.attribute(t.Context(), s.polite.kept, 1)
	s.before = s.vitals()
	ctx, end := context.WithCancel(t.Context())
	s.end = end
	s.busy.Go(func() { s.polite.run(ctx) })
	s.busy.Go(func() { s.watch(ctx) })
	return s
}

// watch keeps an eye on the descriptors; the peak of the memory is kept by the kernel.
func (s *siege) watch(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		v, err := s.srv.Vitals()
		if err != nil {
			s.fault("the server's vitals: %v", err)
			return
		}
		s.mu.Lock()
		s.descriptors = max(s.descriptors, v.Descriptors)
		s.mu.Unlock()
	}
}

func (s *siege) vitals() harness.Vitals {
	s.Helper()
	v, err := s.srv.Vitals()
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// fault notes what the test will fail with.
func (s *siege) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

// note counts an answer that an attacker read.
func (s *siege) note(a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[a.outcome]++
}

// person returns somebody who has not called yet.
func (s *siege) person() harness.Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.free[0]
	s.free = s.free[1:]
	return p
}

// bait returns somebody whose calls must never run.
func (s *siege) bait() harness.Person {
	p := s.person()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.baits = append(s.baits, p)
	return p
}

// acknowledged notes what p was answered on the wire, if it was an outcome.
func (s *siege) acknowledged(p harness.Person, a answer) {
	if a.outcome == "attributed" {
		s.ledger.Answered(p, s.code, harness.Answer{Status: a.status, Attributed: true})
	}
}

// beside lets a test that mostly waits run beside its like. In the long form each has the machine to itself.
func beside(t *testing.T) {
	if !harness.Long() {
		t.Parallel()
	}
}

// bounds are what an attack may cost the process beyond slack.
type bounds struct {
	memory      int64
	descriptors int
}

// lift ends the siege and holds the server to all that is promised under every attack. More pairs of
// figures are printed with its own.
func (s *siege) lift(b bounds, figures ...any) {
	s.Helper()
	s.end()
	s.busy.Wait()
	s.polite.kept.Close()
	s.polite.http.CloseIdleConnections()
	peak := s.vitals()
	harness.Until(s, "the descriptors are back", func() bool { return s.vitals().Descriptors <= s.before.Descriptors+8 })
	calls, p50, p99 := s.polite.latency()
	s.srv.Stop()
	lost, doubled, smuggled := s.audit()

	harness.Figures(s, s.Name(), append(figures, "answers", s.tally(), "bystander_calls", calls, "unavailable", s.polite.putOff(),
		"p50", round(p50), "p99", round(p99),
		"memory_before_MiB", s.before.PeakRSS/mebibyte, "memory_peak_MiB", peak.PeakRSS/mebibyte,
		"descriptors_before", s.before.Descriptors, "descriptors_peak", s.descriptors,
		"lost", lost, "doubled", doubled, "smuggled", smuggled)...)
	if grew := peak.PeakRSS - s.before.PeakRSS; grew > b.memory+slackMemory {
		s.Errorf("the memory grew by %d MiB, at most %d are allowed", grew/mebibyte, (b.memory+slackMemory)/mebibyte)
	}
	if grew := s.descriptors - s.before.Descriptors; grew > b.descriptors+slackDescriptors {
		s.Errorf("%d more descriptors were open, at most %d are allowed", grew, b.descriptors+slackDescriptors)
	}
	if n := s.polite.putOff(); n > calls/100 {
		s.Errorf("the bystander was put off with a 503 in %d of %d calls", n, calls)
	}
	if calls < 10 || p99 > prompt {
		s.Errorf("the bystander: %d calls, 99 of 100 within %s", calls, p99)
	}
	for i, f := range s.faults {
		if s.Error(f); i == 20 {
			s.Fatalf("and %d more", len(s.faults)-i-1)
		}
	}
}

// tally is the answers to the attackers, in order.
func (s *siege) tally() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.answers)
}

// audit holds the store against what was answered: nothing more, nothing less.
func (s *siege) audit() (lost, doubled, smuggled int) {
	s.Helper()
	v := s.site.Check(s.ledger, true)
	for _, found := range slices.Concat(v.Lost, v.Doubled, v.Unsound) {
		s.fault("the store: %s", found)
	}
	db := s.site.Open()
	defer func() { _ = db.Close() }()
	count := func(query string, args ...any) (n int) {
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			s.Fatal(err)
		}
		return n
	}
	for _, p := range s.baits {
		if n := count(`SELECT count(*) FROM events WHERE user_id = ?`, p.ID); n != 0 {
			smuggled++
			s.fault("%d events of %s, whose calls must never run", n, p.Email)
		}
	}
	unread := 0
	for _, p := range s.unsure {
		unread += count(`SELECT count(*) FROM attributions WHERE invitee_id = ?`, p.ID)
	}
	if v.Rows != v.Acknowledged+v.Waited+unread {
		s.fault("%d attributions, %d were acknowledged, %d waited in the spool and the answers to %d nobody read", v.Rows, v.Acknowledged, v.Waited, unread)
	}
	refused := 0
	for _, reason := range []string{"invalid_code", "self_referral", "unknown_code", "referral_cycle", "not_eligible"} {
		refused += s.answers[reason]
	}
	if n := count(`SELECT count(*) FROM events WHERE type = 'rejected'`); n != refused {
		s.fault("%d refusals in the audit log, %d were answered", n, refused)
	}
	return len(v.Lost), len(v.Doubled), smuggled
}
