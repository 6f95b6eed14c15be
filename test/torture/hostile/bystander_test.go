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

// bystander is a polite client that calls while others attack.
type bystander struct {
	s      *siege
	people []harness.Person
	http   *http.Client
	kept   *harness.Client

	mu   sync.Mutex
	took []time.Duration
	// unavailable counts the calls put off with a 503: the store did not tell in time whether the session
	// is valid.
	unavailable int
}

// pace is how long the bystander waits between two rounds.
const pace = 10 * time.Millisecond

// run calls until ctx ends: on a kept connection and, unless its manners forbid it, on new ones.
func (b *bystander) run(ctx context.Context) {
	next := time.NewTicker(pace)
	defer next.Stop()
	for round := 0; ; round++ {
		b.attribute(ctx, b.kept, round)
		if !b.s.manners.kept && round%2 == 1 {
			fresh := harness.NewClient(1)
			b.attribute(ctx, fresh, round)
			fresh.Close()
		}
		b.health(ctx)
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
	}
}

// attribute calls the main endpoint: at first with a code, for somebody who has no referrer yet, and
// when everybody has one, without.
func (b *bystander) attribute(ctx context.Context, c *harness.Client, round int) {
	p, code, want := b.people[round%len(b.people)], "", "no_cookie"
	if !b.s.manners.without && round%4 == 0 && round/4 < len(b.people) {
		p, code, want = b.people[round/4], b.s.code, "attributed"
	}
	began := time.Now()
	a, err := c.Attribute(context.WithoutCancel(ctx), b.s.srv.Address, p, code)
	if err != nil {
		b.s.fault("the bystander: %v", err)
		return
	}
	b.note(time.Since(began))
	b.s.ledger.Answered(p, code, a)
	if a.Error == "unavailable" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.unavailable++
		return
	}
	if a.Attributed != (want == "attributed") || !a.Attributed && a.Reason != want {
		b.s.fault("the bystander was answered %+v, want %s", a, want)
	}
}

func (b *bystander) health(ctx context.Context) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://"+b.s.srv.Address+"/healthz", nil)
	if err != nil {
		b.s.fault("the bystander: %v", err)
		return
	}
	began := time.Now()
	res, err := b.http.Do(req)
	if err != nil {
		b.s.fault("the bystander: %v", err)
		return
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK {
		b.s.fault("the bystander's health check: %d, %v", res.StatusCode, err)
	}
	b.note(time.Since(began))
}

func (b *bystander) note(took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took = append(b.took, took)
}

// putOff returns how many calls were answered 503.
func (b *bystander) putOff() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.unavailable
}

// latency returns how many calls were answered, and within what time half and 99 of 100 of them.
func (b *bystander) latency() (calls int, p50, p99 time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.took) == 0 {
		return 0, 0, 0
	}
	slices.Sort(b.took)
	n := len(b.took)
	return n, b.took[n/2], b.took[n*99/100]
}

func round(d time.Duration) string {
	return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
}
