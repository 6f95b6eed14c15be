package hostile

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// perIdle and perHalf bound what a connection costs: one that has been answered and says nothing more
// (the read buffer of 18 KiB, two goroutine stacks, the buffers of its last answer), and one that has
// sent all that may be sent of a request but for its last byte (a full read buffer, a body of 64 KiB in
// a buffer that grows by doubling).
const (
	perIdle = 48 << 10
	perHalf = 256 << 10
)

// crowd returns n, or as many connections as the limit of descriptors allows a process.
func crowd(t *testing.T, n int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	room := int(min(limit.Max, 1<<20)) - 300
	if room < n {
		fmt.Printf("%s: %d connections instead of %d: the limit of descriptors is %d\n", t.Name(), room, n, limit.Max)
	}
	return min(n, room)
}

// TestFiveThousandIdleConnections keeps 5,000 open, each of which has been answered once. The long form
// waits until the server closes them.
func TestFiveThousandIdleConnections(t *testing.T) {
	n := crowd(t, 5000)
	s := besiege(t, 0, manners{})
	idle := s.gather(n, func(w *wire) {
		_ = w.send(health)
		if a, err := w.receive("GET"); err != nil || a.status != 200 {
			s.fault("an idle connection: %v, %v", a, err)
		}
	})
	harness.Until(t, "the crowd is seen", func() bool { return s.vitals().Descriptors >= s.before.Descriptors+n })
	grew := s.vitals().RSS - s.before.RSS
	calls, _, _ := s.polite.latency()
	harness.Until(t, "the bystander was answered beside the crowd", func() bool {
		now, _, _ := s.polite.latency()
		return now >= calls+300
	})
	closed := "by the client"
	if harness.Long() {
		closed = s.waitForTheirEnd(idle)
	}
	disperse(idle)
	s.lift(bounds{memory: int64(n) * perIdle, descriptors: n}, "connections", n,
		"KiB_each", fmt.Sprintf("%.1f", float64(grew)/float64(n)/1024), "closed", closed)
}

// waitForTheirEnd waits until the server has closed the idle connections, which it does after 60 s.
func (s *siege) waitForTheirEnd(idle []*wire) string {
	began := time.Now()
	for _, w := range idle {
		_ = w.conn.SetDeadline(began.Add(60*time.Second + lateness))
		if answers, closed := w.rest(); len(answers) > 0 || !closed {
			s.fault("an idle connection was answered %v, closed %t", answers, closed)
			break
		}
	}
	return fmt.Sprintf("by the server after %s", time.Since(began).Round(time.Second))
}

// TestThousandsOfHalfSentRequests has each connection make the server keep as much as it can be made to.
func TestThousandsOfHalfSentRequests(t *testing.T) {
	beside(t)
	n := crowd(t, harness.Scale(1000, 5000))
	s := besiege(t, 1, manners{})
	p := s.bait()
	raw := call(p, s.code, "Content-Length: 65536", "X-Padding: ")
	raw = strings.Replace(raw, "X-Padding: ", "X-Padding: "+strings.Repeat("x", 16<<10-len(raw)-2), 1)
	raw += "\r\n" + strings.Repeat("x", 64<<10-1)
	half := s.gather(n, func(w *wire) { _ = w.send(raw) })
	harness.Until(t, "the crowd is given up", func() bool { return s.vitals().Descriptors < s.before.Descriptors+n/20+8 })
	for _, w := range half {
		if answers, closed := w.rest(); fmt.Sprint(answers) != "[{408 request_timeout}]" || !closed {
			s.fault("half a request was answered %v, closed %t", answers, closed)
		}
	}
	grew := s.vitals().PeakRSS - s.before.PeakRSS
	disperse(half)
	s.lift(bounds{memory: int64(n) * perHalf, descriptors: n}, "connections", n,
		"KiB_each", fmt.Sprintf("%.1f", float64(grew)/float64(n)/1024))
}

// gather opens n connections, some at a time, and begins with each.
func (s *siege) gather(n int, begin func(*wire)) []*wire {
	all := make([]*wire, n)
	var dialing sync.WaitGroup
	for part := range 16 {
		dialing.Go(func() {
			for i := part; i < n; i += 16 {
				if all[i] = s.dial(); all[i] == nil {
					return
				}
				begin(all[i])
			}
		})
	}
	dialing.Wait()
	if s.Failed() || len(s.faults) > 0 {
		s.Fatal(s.faults)
	}
	return all
}

func disperse(all []*wire) {
	for _, w := range all {
		w.close()
	}
}
