package hostile

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// regularClient calls as a browser would while others attack.
type regularClient struct {
	a     *attack
	users []harness.User
	http  *http.Client
	kept  *harness.Client

	mu   sync.Mutex
	took []time.Duration
	// unavailable counts the 503 answers: the session could not be checked in time.
	unavailable int
}

// pause is the time between two rounds.
const pause = 10 * time.Millisecond

// run calls until ctx ends, on a kept connection and, unless the options forbid it, on new ones.
func (c *regularClient) run(ctx context.Context) {
	next := time.NewTicker(pause)
	defer next.Stop()
	for round := 0; ; round++ {
		c.attribute(ctx, c.kept, round)
		if !c.a.options.keptOnly && round%2 == 1 {
			fresh := harness.NewClient(1)
			c.attribute(ctx, fresh, round)
			fresh.Close()
		}
		c.health(ctx)
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

// attribute calls the main endpoint. Every fourth call has a code, until all users have a referrer.
func (c *regularClient) attribute(ctx context.Context, client *harness.Client, round int) {
	u, code, want := c.users[round%len(c.users)], "", "no_cookie"
	if !c.a.options.noCode && round%4 == 0 && round/4 < len(c.users) {
		u, code, want = c.users[round/4], c.a.code, "attributed"
	}
	started := time.Now()
	ans, err := client.Attribute(context.WithoutCancel(ctx), c.a.srv.Address, u, code)
	if err != nil {
		c.a.problem("regular client: %v", err)
		return
	}
	c.addLatency(time.Since(started))
	c.a.ledger.AddAnswer(u, code, ans)
	if ans.Error == "unavailable" {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.unavailable++
		return
	}
	if ans.Outcome() != want {
		c.a.problem("regular client: answered %+v, want %s", ans, want)
	}
}

func (c *regularClient) health(ctx context.Context) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+c.a.srv.Address+"/healthz", nil)
	if err != nil {
		c.a.problem("regular client: %v", err)
		return
	}
	started := time.Now()
	res, err := c.http.Do(req)
	if err != nil {
		c.a.problem("regular client: %v", err)
		return
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK {
		c.a.problem("regular client: /healthz: %d, %v", res.StatusCode, err)
	}
	c.addLatency(time.Since(started))
}

func (c *regularClient) addLatency(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took)
}

// stats returns the number of answered calls, how many were 503, and the latency.
func (c *regularClient) stats() (calls, unavailable int, p50, p99 time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.took)
	if n == 0 {
		return 0, 0, 0, 0
	}
	slices.Sort(c.took)
	return n, c.unavailable, c.took[n/2], c.took[n*99/100]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
}
