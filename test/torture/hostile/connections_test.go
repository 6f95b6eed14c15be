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

// The memory of one connection. An idle one was answered once: the read buffer of 18 KiB, two goroutine
// stacks, the buffers of its last answer. An incomplete one has sent all of a request but the last byte: a
// full read buffer, and a body of 64 KiB in a buffer that grows by doubling.
const (
	perIdle       = 48 << 10
	perIncomplete = 256 << 10
)

// limitConns returns n, or as many connections as the limit of descriptors permits.
func limitConns(t *testing.T, n int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	permitted := int(min(limit.Max, 1<<20)) - 300
	if permitted < n {
		fmt.Printf("%s: %d connections instead of %d: the limit of descriptors is %d\n", t.Name(), permitted, n, limit.Max)
	}
	return min(n, permitted)
}

// 5,000 connections are answered once and stay open. The long form waits until the server closes them.
func TestIdleConnectionsUseBoundedMemory(t *testing.T) {
	n := limitConns(t, 5000)
	a := newAttack(t, 0, clientOptions{})
	idle := a.openConns(n, func(c *rawConn) {
		_ = c.send(healthRequest)
		if ans, err := c.receive("GET"); err != nil || ans.status != 200 {
			a.problem("an idle connection: %v, %v", ans, err)
		}
	})
	harness.WaitFor(t, "all connections are accepted", func() bool { return a.usage().Descriptors >= a.before.Descriptors+n })
	growth := a.usage().RSS - a.before.RSS
	calls, _, _, _ := a.regular.stats()
	harness.WaitFor(t, "the regular client is answered meanwhile", func() bool {
		now, _, _, _ := a.regular.stats()
		return now >= calls+300
	})
	closed := "by the client"
	if harness.Long() {
		closed = a.waitIdleTimeout(idle)
	}
	closeAll(idle)
	a.finish(bounds{memory: int64(n) * perIdle, descriptors: n}, "connections", n,
		"KiB_each", fmt.Sprintf("%.1f", float64(growth)/float64(n)/1024), "closed", closed)
}

// waitIdleTimeout waits until the server has closed the idle connections, after 60 s.
func (a *attack) waitIdleTimeout(idle []*rawConn) string {
	started := time.Now()
	for _, c := range idle {
		_ = c.conn.SetDeadline(started.Add(60*time.Second + slackTime))
		if answers, closed := c.receiveAll(); len(answers) > 0 || !closed {
			a.problem("an idle connection was answered %v, closed %t", answers, closed)
			break
		}
	}
	return fmt.Sprintf("by the server after %s", time.Since(started).Round(time.Second))
}

// Each connection makes the server keep as much as possible.
func TestIncompleteRequestsUseBoundedMemory(t *testing.T) {
	parallel(t)
	n := limitConns(t, harness.Scale(1000, 5000))
	a := newAttack(t, 1, clientOptions{})
	u := a.newCanary()
	raw := headers(u, a.code, "Content-Length: 65536", "X-Padding: ")
	raw = strings.Replace(raw, "X-Padding: ", "X-Padding: "+strings.Repeat("x", 16<<10-len(raw)-2), 1)
	raw += "\r\n" + strings.Repeat("x", 64<<10-1)
	conns := a.openConns(n, func(c *rawConn) { _ = c.send(raw) })
	harness.WaitFor(t, "the connections time out", func() bool { return a.usage().Descriptors < a.before.Descriptors+n/20+8 })
	for _, c := range conns {
		if answers, closed := c.receiveAll(); fmt.Sprint(answers) != "[{408 request_timeout}]" || !closed {
			a.problem("an incomplete request was answered %v, closed %t", answers, closed)
		}
	}
	growth := a.usage().PeakRSS - a.before.PeakRSS
	closeAll(conns)
	a.finish(bounds{memory: int64(n) * perIncomplete, descriptors: n}, "connections", n,
		"KiB_each", fmt.Sprintf("%.1f", float64(growth)/float64(n)/1024))
}

// openConns opens n connections, 16 at a time, and calls begin with each.
func (a *attack) openConns(n int, begin func(*rawConn)) []*rawConn {
	all := make([]*rawConn, n)
	var dialing sync.WaitGroup
	for part := range 16 {
		dialing.Go(func() {
			for i := part; i < n; i += 16 {
				if all[i] = a.dial(); all[i] == nil {
					return
				}
				begin(all[i])
			}
		})
	}
	dialing.Wait()
	if a.Failed() || len(a.problems) > 0 {
		a.Fatal(a.problems)
	}
	return all
}

func closeAll(conns []*rawConn) {
	for _, c := range conns {
		c.close()
	}
}
