package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

// One signed-in user calls on thousands of connections, with one code and with ever new ones. Every other user must be
// attributed, and the audit log keeps at most 50 rejections of the user.
func TestFloodOfOneUserCostsOthersNothing(t *testing.T) {
	for _, codes := range []string{"one code", "many codes"} {
		t.Run(codes, func(t *testing.T) {
			conns, idle, flood := harness.Scale(500, 9400), harness.Scale(100, 400), harness.Scale(200, 1000)
			site := harness.NewSite(t, t.TempDir())
			site.AddUsers(2 + idle + flood)
			srv := site.StartServer()
			ledger := harness.NewLedger()
			others := site.Users[2:]
			before := callInTurn(t, site, srv, others[:idle], ledger)
			stop := startFlood(t, floodOptions{srv.Address, site.Users[1], conns, codes == "many codes"})
			during := callInTurn(t, site, srv, others[idle:], ledger)
			answers := stop()

			site.WaitDrained()
			srv.Stop()
			rows := rejectionsOf(t, site, site.Users[1])
			if rows > referral.MaxStoredRejections {
				t.Errorf("%d rejections of one user are stored", rows)
			}
			harness.Figures(t, "hostile/"+t.Name(), "connections", conns, "answers", answers, "rows", rows,
				"others", len(during), "idle_p50", milliseconds(before[len(before)/2]), "idle_p99", milliseconds(before[len(before)*99/100]),
				"p50", milliseconds(during[len(during)/2]), "p99", milliseconds(during[len(during)*99/100]))
			if r := site.Check(ledger, true); r.Failed() {
				t.Error(r.Summary())
			}
		})
	}
}

// callInTurn lets each user call once, 5 ms after the answer to the one before. All must be attributed. It returns the
// sorted latencies.
func callInTurn(t *testing.T, site *harness.Site, srv *harness.Server, users []harness.User, l *harness.Ledger) (took []time.Duration) {
	t.Helper()
	c := harness.NewClient(1)
	defer c.Close()
	for _, u := range users {
		l.AddCall()
		ans, err := c.Attribute(t.Context(), srv.Address, u, site.Users[0].Code)
		if err != nil || !ans.Attributed {
			t.Fatalf("another user: %+v, %v", ans, err)
		}
		l.AddAnswer(u, site.Users[0].Code, ans)
		took = append(took, ans.Took)
		time.Sleep(5 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// floodOptions are those of a flood by one user.
type floodOptions struct {
	Address   string
	User      harness.User
	Conns     int
	ManyCodes bool
}

const floodVariable = "TRIPORT_FLOOD"

// startFlood floods in a process of low priority: it must not take the processors from the server and from the client
// that measures. It returns once every connection had an answer. stop ends the flood and returns the outcomes.
func startFlood(t *testing.T, opt floodOptions) (stop func() string) {
	t.Helper()
	text, err := json.Marshal(opt)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nice", "-n", "19", os.Args[0])
	cmd.Env = append(os.Environ(), floodVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	line := func() string {
		text, err := lines.ReadString('\n')
		if err != nil {
			t.Errorf("the flood ended: %s, %v", text, err)
		}
		return strings.TrimSpace(text)
	}
	line()
	return func() string {
		_ = in.Close()
		answers := line()
		_, _ = io.Copy(io.Discard, lines)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the flood: %v", err)
		}
		return answers
	}
}

// runFlood is the process that startFlood starts.
func runFlood(options string) error {
	var opt floodOptions
	if err := json.Unmarshal([]byte(options), &opt); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var failed atomic.Pointer[error]
	var all, first sync.WaitGroup
	var number atomic.Int64
	var answers sync.Map // of *atomic.Int64, by outcome
	c := harness.NewClient(opt.Conns)
	defer c.Close()
	first.Add(opt.Conns)
	for range opt.Conns {
		all.Go(func() {
			answered := sync.OnceFunc(first.Done)
			defer answered()
			for ctx.Err() == nil {
				code := "no-such-code"
				if opt.ManyCodes {
					code = fmt.Sprintf("no-such-code-%d", number.Add(1))
				}
				ans, err := c.Attribute(context.WithoutCancel(ctx), opt.Address, opt.User, code)
				if err != nil {
					failed.Store(&err)
					return
				}
				n, _ := answers.LoadOrStore(ans.Outcome(), new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
				answered()
			}
		})
	}
	first.Wait()
	_, _ = fmt.Fprintln(os.Stdout, "started")
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	all.Wait()
	counts := make(map[string]int64)
	answers.Range(func(outcome, n any) bool {
		counts[outcome.(string)] = n.(*atomic.Int64).Load()
		return true
	})
	_, _ = fmt.Fprintln(os.Stdout, counts)
	if err := failed.Load(); err != nil {
		return fmt.Errorf("call of the flood: %w", *err)
	}
	return nil
}

// rejectionsOf returns the number of stored rejections of a user.
func rejectionsOf(t *testing.T, site *harness.Site, u harness.User) (rows int) {
	t.Helper()
	out, err := site.Run(nil, "referral", "inspect", u.ID, "--limit", "1000", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var inspection struct {
		Events []struct{ Type string } `json:"events"`
	}
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&inspection); err != nil {
		t.Fatal(err)
	}
	for _, e := range inspection.Events {
		if e.Type == "rejected" {
			rows++
		}
	}
	return rows
}
