package server

import (
	"net/netip"
	"testing"
	"time"
)

func TestBucketRefillsAndAllowsABurstOfFiveSeconds(t *testing.T) {
	t.Parallel()
	l, now := newLimiter[string](2), time.Now()
	for i := range 10 {
		if wait := l.allow("a", now); wait != 0 {
			t.Errorf("call %d waits %s", i+1, wait)
		}
	}
	if wait := l.allow("a", now); wait != 500*time.Millisecond {
		t.Errorf("call 11 waits %s, want 500ms", wait)
	}
	if l.allow("b", now) != 0 || l.allow("a", now.Add(500*time.Millisecond)) != 0 {
		t.Error("another key, or a later call, is limited")
	}
}

func TestBucketsAreBoundedUnderAFloodOfAddresses(t *testing.T) {
	t.Parallel()
	l, now := newLimiter[int](1), time.Now()
	for i := range 4 * maxBuckets {
		l.allow(i, now)
	}
	if n := len(l.recent) + len(l.older); n > 2*maxBuckets {
		t.Errorf("%d buckets", n)
	}
	for i := range 2 { // the full ones are forgotten
		l.allow(0, now.Add(time.Duration(i+1)*l.refill))
	}
	if n := len(l.recent) + len(l.older); n != 1 {
		t.Errorf("%d buckets after they were full again", n)
	}
}

func TestIPv6ClientIsLimitedByItsNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "192.0.2.7": "192.0.2.7",
	} {
		if got := network(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s is limited as %s", in, got)
		}
	}
}
