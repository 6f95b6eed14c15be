package locks

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// command is a command of the program with its standard input.
type command struct {
	in   string
	args []string
}

func (c command) String() string { return strings.Join(c.args, " ") }

// run runs the command, which must succeed.
func (c command) run(t *testing.T, s *harness.Site) {
	t.Helper()
	if out, err := c.try(s); err != nil {
		t.Errorf("%s: %v\n%s", c, err, out)
	} else {
		wantNoLockWords(t, c.String(), out)
	}
}

// try runs the command and returns its output on both streams.
func (c command) try(s *harness.Site) (out string, err error) {
	cmd := s.Command(c.args...)
	cmd.Stdin = strings.NewReader(c.in)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// readCommands take no write lock. Each backup needs its own file.
func readCommands(u harness.User, backup string) []command {
	return []command{
		{args: []string{"referral", "inspect", u.Email}},
		{args: []string{"code", "list", u.ID}},
		{args: []string{"user", "list"}},
		{args: []string{"referral", "verify"}},
		{args: []string{"db", "check"}},
		{args: []string{"db", "backup", backup}},
	}
}

// writeCommands change something small. n makes their names unique.
func writeCommands(u harness.User, n int) []command {
	return []command{
		{args: []string{"code", "set", u.ID, fmt.Sprintf("slug-%d", n)}},
		{args: []string{"session", "create", u.Email}},
		{args: []string{"user", "create", "--email", fmt.Sprintf("new-%d@example.com", n)}},
		{args: []string{"code", "disable", u.ID}},
		{args: []string{"session", "revoke", u.ID}},
	}
}

// bulkCommands change a lot, or read a lot and may write.
func bulkCommands(u harness.User, n int) []command {
	var users, attempts strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&users, "{\"email\":\"import-%d-%d@example.com\"}\n", n, i)
	}
	at := time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)
	for i := range 1000 {
		fmt.Fprintf(&attempts, "{\"user\":%q,\"code\":\"no-such-code\",\"at\":%q}\n", u.Email, at.Add(time.Duration(i)*time.Microsecond).Format(time.RFC3339Nano))
	}
	return []command{
		{in: users.String(), args: []string{"user", "import", "-"}},
		{in: attempts.String(), args: []string{"referral", "replay", "--from", "-"}},
		{args: []string{"referral", "replay"}},
		{args: []string{"referral", "replay", "--rejected", "--user", u.Email}},
		{args: []string{"referral", "replay", "--rejected", "--dry-run"}},
	}
}

// Every command that uses the database runs again and again under full load.
func TestAllCommandsSucceedUnderFullLoad(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	some, many := harness.Scale(3000, 15000), harness.Scale(12000, 80000)
	s.AddUsers(3 + some + many + some)
	srv := s.StartServer()
	ledger := harness.NewLedger()
	referrer, operated, users := s.Users[0], s.Users[1:3], s.Users[3:]

	wal := watchSize(t, s.Database+"-wal")
	before := call(t, srv.Address, conns, users[:some], referrer.Code, ledger)
	var during *load
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		during = call(t, srv.Address, conns, users[some:some+many], referrer.Code, ledger)
	}()
	ran, underLoad := runCommands(t, s, operated, loaded)
	<-loaded
	after := call(t, srv.Address, conns, users[some+many:], referrer.Code, ledger)
	if n := size(t, s.Database+"-wal"); n > walLimit {
		t.Errorf("at the end the WAL has %d bytes, the limit is %d", n, walLimit)
	}

	r := stop(t, s, srv, ledger)
	if limit := 5*before.percentile(99) + 100*time.Millisecond; after.percentile(99) > limit {
		t.Errorf("p99 was %s before the commands and is %s after them, the limit is %s", before.percentile(99), after.percentile(99), limit)
	}
	if during.percentile(99) > deadline {
		t.Errorf("p99 during the commands is %s, longer than the deadline of %s", during.percentile(99), deadline)
	}
	harness.Figures(t, "locks/commands", "commands", ran, "under_load", underLoad, "requests", 2*some+many,
		"acknowledged", r.Acknowledged, "spooled", during.count("internal_error"), "lost", len(r.Lost), "duplicates", len(r.Duplicates),
		"wal_max", wal.reset(), "p99_before", milliseconds(before.percentile(99)), "p99_during", milliseconds(during.percentile(99)),
		"max_during", milliseconds(during.percentile(100)), "p99_after", milliseconds(after.percentile(99)))
}

// runCommands runs all commands until the load has ended, each at least once, one sequence for each user. It
// returns how many it ran, and how many of them ended before the load.
func runCommands(t *testing.T, s *harness.Site, users []harness.User, loaded <-chan struct{}) (ran, underLoad int64) {
	t.Helper()
	dir := t.TempDir()
	var all, early atomic.Int64
	over := func() bool {
		select {
		case <-loaded:
			return true
		default:
			return false
		}
	}
	var wg sync.WaitGroup
	for i, u := range users {
		wg.Go(func() {
			for n := i; ; n += len(users) {
				commands := append(writeCommands(u, n), bulkCommands(u, n)...)
				for _, c := range append(commands, readCommands(u, filepath.Join(dir, fmt.Sprintf("backup-%d", n)))...) {
					if over() && n >= len(users) {
						return
					}
					c.run(t, s)
					all.Add(1)
					if !over() {
						early.Add(1)
					}
				}
			}
		})
	}
	wg.Wait()
	return all.Load(), early.Load()
}
