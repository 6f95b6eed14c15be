package hostile

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

const (
	mebibyte = 1 << 20
	// What the process may use in addition to the bounds of an attack: garbage not collected yet, the
	// store's connections and caches, the regular client.
	slackMemory      = 48 * mebibyte
	slackDescriptors = 40
	// maxP99 is the bound for the regular client. It is long because the attacker, the client and other
	// tests share the processors with the server.
	maxP99 = 2 * time.Second
	// regularUsers is the number of users of the regular client.
	regularUsers = 400
)

// attack is a server under attack.
type attack struct {
	*testing.T
	site    *harness.Site
	srv     *harness.Server
	ledger  *harness.Ledger
	regular *regularClient
	code    string // in every call
	options clientOptions
	before  harness.Usage

	end     context.CancelFunc
	running sync.WaitGroup

	mu          sync.Mutex
	unused      []harness.User // have not called
	canaries    []harness.User // whose calls must never be executed
	unread      []harness.User // whose calls may have been executed: the answers were not read
	answers     map[string]int // to the attackers, by outcome
	problems    []string
	descriptors int // maximum
}

// clientOptions say what the regular client avoids during an attack.
type clientOptions struct {
	keptOnly bool // the server can accept no new connections
	noCode   bool // the database cannot be written
}

// newAttack starts a server with users for the regular client and n more.
func newAttack(t *testing.T, n int, options clientOptions) *attack {
	a := &attack{T: t, site: harness.NewSite(t, t.TempDir()), ledger: harness.NewLedger(), options: options, answers: make(map[string]int)}
	a.site.AddUsers(1 + regularUsers + n)
	a.code = a.site.Users[0].Code
	a.unused = slices.Clone(a.site.Users[1+regularUsers:])
	a.srv = a.site.StartServer()
	a.regular = &regularClient{a: a, users: a.site.Users[1 : 1+regularUsers], http: &http.Client{Timeout: harness.Timeout, Transport: &http.Transport{}}, kept: harness.NewClient(1)}
	a.regular.health(t.Context()) // opens the kept connections before the attack
	a.regular.attribute(t.Context(), a.regular.kept, 1)
	a.before = a.usage()
	ctx, end := context.WithCancel(t.Context())
	a.end = end
	a.running.Go(func() { a.regular.run(ctx) })
	a.running.Go(func() { a.watchDescriptors(ctx) })
	return a
}

// watchDescriptors records the maximum. The kernel keeps the maximum of the memory.
func (a *attack) watchDescriptors(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		u, err := a.srv.Usage()
		if err != nil {
			a.problem("usage of the server: %v", err)
			return
		}
		a.mu.Lock()
		a.descriptors = max(a.descriptors, u.Descriptors)
		a.mu.Unlock()
	}
}

func (a *attack) usage() harness.Usage {
	a.Helper()
	u, err := a.srv.Usage()
	if err != nil {
		a.Fatal(err)
	}
	return u
}

// problem records an error that fails the test at its end.
func (a *attack) problem(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// count counts an answer that an attacker read.
func (a *attack) count(ans answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[ans.outcome]++
}

// newUser returns a user who has not called.
func (a *attack) newUser() harness.User {
	a.mu.Lock()
	defer a.mu.Unlock()
	u := a.unused[0]
	a.unused = a.unused[1:]
	return u
}

// newCanary returns a user whose calls must never be executed.
func (a *attack) newCanary() harness.User {
	u := a.newUser()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.canaries = append(a.canaries, u)
	return u
}

// record adds an acknowledgement to the ledger.
func (a *attack) record(u harness.User, ans answer) {
	if ans.outcome == "attributed" {
		a.ledger.AddAnswer(u, a.code, harness.Answer{Status: ans.status, Attributed: true})
	}
}

// parallel runs tests that mostly wait in parallel. In the long form each has the machine to itself.
func parallel(t *testing.T) {
	if !harness.Long() {
		t.Parallel()
	}
}

// bounds are what an attack may cost the server in addition to the slack.
type bounds struct {
	memory      int64
	descriptors int
}

// finish ends the attack, checks everything and prints the figures.
func (a *attack) finish(b bounds, figures ...any) {
	a.Helper()
	a.end()
	a.running.Wait()
	a.regular.kept.Close()
	a.regular.http.CloseIdleConnections()
	peak := a.usage()
	harness.WaitFor(a, "the descriptors are released", func() bool { return a.usage().Descriptors <= a.before.Descriptors+8 })
	calls, unavailable, p50, p99 := a.regular.stats()
	a.srv.Stop()
	lost, duplicates, smuggled := a.checkDatabase()

	harness.Figures(a, "hostile/"+a.Name(), append(figures, "answers", fmt.Sprint(a.answers), "regular_calls", calls, "unavailable", unavailable,
		"p50", milliseconds(p50), "p99", milliseconds(p99),
		"memory_before_MiB", a.before.PeakRSS/mebibyte, "memory_peak_MiB", peak.PeakRSS/mebibyte,
		"descriptors_before", a.before.Descriptors, "descriptors_peak", a.descriptors,
		"lost", lost, "duplicates", duplicates, "smuggled", smuggled)...)
	if growth := peak.PeakRSS - a.before.PeakRSS; growth > b.memory+slackMemory {
		a.Errorf("the memory grew by %d MiB, the limit is %d", growth/mebibyte, (b.memory+slackMemory)/mebibyte)
	}
	if growth := a.descriptors - a.before.Descriptors; growth > b.descriptors+slackDescriptors {
		a.Errorf("%d more descriptors were open, the limit is %d", growth, b.descriptors+slackDescriptors)
	}
	if unavailable > calls/100 {
		a.Errorf("the regular client got a 503 in %d of %d calls", unavailable, calls)
	}
	if calls < 10 || p99 > maxP99 {
		a.Errorf("the regular client: %d calls, p99 %s", calls, p99)
	}
	for i, p := range a.problems {
		if a.Error(p); i == 20 {
			a.Fatalf("and %d more", len(a.problems)-i-1)
		}
	}
}

// checkDatabase checks that the database has what was answered, no more and no less.
func (a *attack) checkDatabase() (lost, duplicates, smuggled int) {
	a.Helper()
	r := a.site.Check(a.ledger, true)
	if r.Failed() {
		a.problem("%s", r.Summary())
	}
	db := a.site.Open()
	defer func() { _ = db.Close() }()
	rows := func(query string, args ...any) (n int) {
		if err := db.QueryRow(query, args...).Scan(&n); err != nil {
			a.Fatal(err)
		}
		return n
	}
	for _, u := range a.canaries {
		if n := rows(`SELECT count(*) FROM events JOIN users u ON u.n = user WHERE u.id = ?`, harness.ID(u.ID)); n != 0 {
			smuggled++
			a.problem("%d events of %s, whose calls must never be executed", n, u.Email)
		}
	}
	unread := 0
	for _, u := range a.unread {
		unread += rows(`SELECT count(*) FROM attributions JOIN users u ON u.n = invitee WHERE u.id = ?`, harness.ID(u.ID))
	}
	if r.Attributions != r.Acknowledged+r.FromSpool+unread {
		a.problem("%d attributions, but %d were acknowledged, %d spooled, and %d answers not read", r.Attributions, r.Acknowledged, r.FromSpool, unread)
	}
	rejected := 0
	for _, reason := range referral.Reasons {
		if reason.Audited {
			rejected += a.answers[string(reason.Reason)]
		}
	}
	if n := rows(`SELECT count(*) FROM events WHERE reason IS NOT NULL`); n != rejected {
		a.problem("%d rejections in the audit log, %d were answered", n, rejected)
	}
	return len(r.Lost), len(r.Duplicates), smuggled
}
