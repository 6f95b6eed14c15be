package locks

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// command is a run of the program, with what it reads from its standard input.
type command struct {
	in   string
	args []string
}

func (c command) String() string { return strings.Join(c.args, " ") }

// run runs the command to its end, which must be a good one.
func (c command) run(t *testing.T, s *harness.Site) {
	t.Helper()
	if said, err := c.try(s); err != nil {
		t.Errorf("%s: %v\n%s", c, err, said)
	} else {
		silent(t, c.String(), said)
	}
}

// try runs the command and returns all it said on both streams.
func (c command) try(s *harness.Site) (said string, err error) {
	cmd := s.Command(c.args...)
	cmd.Stdin = strings.NewReader(c.in)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reading are commands that take no write lock. Each backup needs a name of its own.
func reading(p harness.Person, backup string) []command {
	return []command{
		{args: []string{"referral", "inspect", p.Email}},
		{args: []string{"code", "list", p.ID}},
		{args: []string{"user", "list"}},
		{args: []string{"referral", "verify"}},
		{args: []string{"db", "check"}},
		{args: []string{"db", "backup", backup}},
	}
}

// writing are commands that change something small. n makes their names new.
func writing(p harness.Person, n int) []command {
	return []command{
		{args: []string{"code", "set", p.ID, fmt.Sprintf("slug-%d", n)}},
		{args: []string{"session", "create", p.Email}},
		{args: []string{"user", "create", "--email", fmt.Sprintf("new-%d@example.com", n)}},
		{args: []string{"code", "disable", p.ID}},
		{args: []string{"session", "revoke", p.ID}},
	}
}

// bulky are commands that change a lot, or read a lot and may write.
func bulky(s *harness.Site, p harness.Person, n int) []command {
	var users, lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&users, "{\"email\":\"import-%d-%d@example.com\"}\n", n, i)
	}
	at := time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
	for i := range 1000 {
		fmt.Fprintf(&lines, "{\"user\":%q,\"code\":\"nobodys-code\",\"at\":%q}\n", p.Email, at.Add(time.Duration(i)*time.Microsecond).Format(time.RFC3339Nano))
	}
	return []command{
		{in: users.String(), args: []string{"user", "import", "-"}},
		{in: lines.String(), args: []string{"referral", "replay", "--from", "-"}},
		{args: []string{"referral", "replay"}},
		{args: []string{"referral", "replay", "--rejected", "--user", p.Email}},
		{args: []string{"referral", "replay", "--rejected", "--dry-run"}},
	}
}

// TestCommandsBesideFullLoadAllEndWell runs every command that touches the store, again and again,
// beside calls that come as fast as they are answered.
func TestCommandsBesideFullLoadAllEndWell(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	quiet, loud := harness.Scale(3000, 15000), harness.Scale(12000, 80000)
	s.Populate(3 + quiet + loud + quiet)
	srv := s.Serve()
	ledger := harness.NewLedger()
	referrer, others, people := s.People[0], s.People[1:3], s.People[3:]

	wal := watchSize(t, s.Database+"-wal")
	before := call(t, srv.Address, conns, people[:quiet], referrer.Code, ledger)
	var during *load
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		during = call(t, srv.Address, conns, people[quiet:quiet+loud], referrer.Code, ledger)
	}()
	ran, beside := hammer(t, s, others, loaded)
	<-loaded
	after := call(t, srv.Address, conns, people[quiet+loud:], referrer.Code, ledger)
	if left := size(t, s.Database+"-wal"); left > walLimit {
		t.Errorf("when all is done the log of writes has still %d bytes; the limit is %d", left, walLimit)
	}

	awaitDrained(t, s)
	srv.Stop()
	silent(t, "the server's log", srv.Log())
	v := s.Check(ledger, true)
	if v.Bad() {
		t.Errorf("%+v", v)
	}
	if limit := 5*before.percentile(99) + 100*time.Millisecond; after.percentile(99) > limit {
		t.Errorf("p99 was %s, and is %s when the commands are done: it must recover to %s", before.percentile(99), after.percentile(99), limit)
	}
	if during.percentile(99) > deadline {
		t.Errorf("p99 beside the commands is %s, longer than the deadline of %s", during.percentile(99), deadline)
	}
	harness.Figures(t, "locks/commands", "commands", ran, "beside_load", beside, "requests", 2*quiet+loud,
		"acknowledged", v.Acknowledged, "spooled", during.outcomes["internal_error"], "lost", len(v.Lost), "doubled", len(v.Doubled),
		"wal_max", wal.reset(), "p99_before", milliseconds(before.percentile(99)), "p99_during", milliseconds(during.percentile(99)),
		"max_during", milliseconds(during.percentile(100)), "p99_after", milliseconds(after.percentile(99)))
}

// hammer runs all the commands in turn, on two lanes, until the load has ended, and each at least
// once. It returns how many it ran, and how many of them had the load beside them to their end.
func hammer(t *testing.T, s *harness.Site, people []harness.Person, loaded <-chan struct{}) (ran, beside int64) {
	t.Helper()
	dir := t.TempDir()
	var all, loadedToo atomic.Int64
	done := make(chan struct{})
	lane := func(lane int) {
		defer func() { done <- struct{}{} }()
		for n := lane; ; n += len(people) {
			p := people[lane]
			commands := append(writing(p, n), bulky(s, p, n)...)
			for _, c := range append(commands, reading(p, filepath.Join(dir, fmt.Sprintf("backup-%d", n)))...) {
				select {
				case <-loaded:
					if n >= len(people) {
						return
					}
				default:
				}
				c.run(t, s)
				all.Add(1)
				select {
				case <-loaded:
				default:
					loadedToo.Add(1)
				}
			}
		}
	}
	for i := range people {
		go lane(i)
	}
	for range people {
		<-done
	}
	return all.Load(), loadedToo.Load()
}
