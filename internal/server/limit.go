package server

import (
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// burstTime is how long a client may save calls: what it allows may come at once.
	burstTime = 5 * time.Second
	// maxBuckets bounds the memory under a flood of addresses: at most twice as many buckets exist, about 12 MiB.
	maxBuckets = 32 << 10
)

// limiter has a token bucket for each key. A nil limiter allows everything.
type limiter[K comparable] struct {
	rate    rate.Limit
	burst   int
	refill  time.Duration // from empty to full
	mu      sync.Mutex
	recent  map[K]*rate.Limiter
	older   map[K]*rate.Limiter // not used since rotated
	rotated time.Time
}

func newLimiter[K comparable](perSecond float64) *limiter[K] {
	if perSecond <= 0 {
		return nil
	}
	burst := max(1, math.Ceil(perSecond*burstTime.Seconds()))
	return &limiter[K]{
		rate: rate.Limit(perSecond), burst: int(burst), recent: make(map[K]*rate.Limiter),
		refill: time.Duration(burst / perSecond * float64(time.Second)),
	}
}

// allow takes a token of the key, or returns the time until there is one. That takes none.
func (l *limiter[K]) allow(key K, now time.Time) (wait time.Duration) {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bucket(key, now)
	if b.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - b.TokensAt(now)) / float64(l.rate) * float64(time.Second))
}

// bucket returns the bucket of the key. It forgets buckets that are full again, and the oldest ones beyond maxBuckets.
func (l *limiter[K]) bucket(key K, now time.Time) *rate.Limiter {
	if now.Sub(l.rotated) >= l.refill || len(l.recent) >= maxBuckets {
		l.older, l.recent, l.rotated = l.recent, make(map[K]*rate.Limiter), now
	}
	b := l.recent[key]
	if b == nil {
		if b = l.older[key]; b == nil {
			b = rate.NewLimiter(l.rate, l.burst)
		}
		delete(l.older, key)
		l.recent[key] = b
	}
	return b
}

// limitAddress limits the calls of a client address to the API, before its session is looked up.
func (s *Server) limitAddress(r *request) error {
	if s.addresses == nil || !strings.HasPrefix(r.route, "/v1/") {
		return nil
	}
	return limited(s.addresses, network(r.ClientAddr()), r)
}

// network returns the address, or the /64 of an IPv6 address: one client has all of it.
func network(a netip.Addr) netip.Addr {
	if a.Is6() {
		p, _ := a.Prefix(64) // 64 bits are never too many
		return p.Addr()
	}
	return a
}

// limited returns errRateLimited with its time if the key has no token.
func limited[K comparable](l *limiter[K], key K, r *request) error {
	wait := l.allow(key, r.start)
	if wait == 0 {
		return nil
	}
	err := *errRateLimited
	err.retry = max(1, int(math.Ceil(wait.Seconds())))
	return &err
}
