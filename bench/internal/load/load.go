// Package load is the load generator: one thread keeps a number of connections busy with requests rendered in
// advance. Per request it only writes, reads and checks status and body, because it shares the machine with
// the measured server.
package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/triport/triport-console/bench/internal/stats"
)

// Config is one run.
type Config struct {
	Addr  netip.AddrPort // IPv4
	Conns int
	Kind  Kind
	// InOrder sends the calls in the order in which the accounts were created, as at first sign-ins.
	// Without it the order is random, which is harder for a store: calls rarely touch the same pages.
	InOrder bool
	First   int64 // first person; every request is from a different one
	Count   int64 // number of people
	Warm    time.Duration
	For     time.Duration // measured after Warm; the run ends earlier if all people have called
	PID     int           // of the server, to measure its CPU time; 0: not measured
}

// Result is the result of a run. Answers includes all answers, the other fields only those after Warm.
type Result struct {
	Answers   map[string]int64 // by body, or by status if that is not 200
	Requests  int64
	Elapsed   time.Duration
	P50, P99  time.Duration
	OwnCPU    time.Duration
	ServerCPU time.Duration
}

// PerSecond is the rate of answers.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Share is the generator's share of the CPU time that it and the server used.
func (r Result) Share() float64 {
	if r.ServerCPU == 0 {
		return 0
	}
	return r.OwnCPU.Seconds() / (r.OwnCPU + r.ServerCPU).Seconds()
}

// stall is how long all connections may be silent: longer than any timeout of a server.
const stall = 60 * time.Second

// generator is a running load.
type generator struct {
	cfg      Config
	requests [][]byte
	next     int
	poll     int
	conns    []*conn
	active   int

	answers   map[string]*int64
	latencies []time.Duration

	start, end  time.Time     // of the measurement
	last        time.Time     // last answer in it
	own, server time.Duration // CPU time at start
}

// Run sends the requests and returns after all answers have arrived. The process must do nothing else: Run blocks
// the scheduler.
func Run(cfg Config) (Result, error) {
	runtime.LockOSThread()
	g := &generator{cfg: cfg, requests: render(cfg), answers: make(map[string]*int64)}
	g.latencies = make([]time.Duration, 0, len(g.requests))
	runtime.GC()
	debug.SetGCPercent(-1) // from here on only a few map keys are allocated
	defer g.close()
	if err := g.connect(); err != nil {
		return Result{}, err
	}
	if err := g.drive(); err != nil {
		return Result{}, err
	}
	return g.result()
}

func (g *generator) connect() (err error) {
	if g.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create", err)
	}
	for i := range g.cfg.Conns {
		c, err := dial(g.cfg.Addr)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		g.conns = append(g.conns, c)
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(g.poll, syscall.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	return nil
}

func (g *generator) close() {
	for _, c := range g.conns {
		_ = syscall.Close(c.fd)
	}
	_ = syscall.Close(g.poll)
}

func (g *generator) drive() error {
	now := time.Now()
	g.start = now.Add(g.cfg.Warm)
	g.end = g.start.Add(g.cfg.For)
	for _, c := range g.conns {
		if err := g.send(c, now); err != nil {
			return err
		}
	}
	events := make([]syscall.EpollEvent, len(g.conns))
	for g.active > 0 {
		n, err := epollWait(g.poll, events, stall)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("epoll_wait", err)
		}
		if n == 0 {
			return fmt.Errorf("%d requests were not answered for %s", g.active, stall)
		}
		for _, e := range events[:n] {
			if err := g.receive(g.conns[e.Fd]); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends the next request, unless the time is over or all people have called.
func (g *generator) send(c *conn, now time.Time) error {
	if g.next == len(g.requests) || !now.Before(g.end) {
		return nil
	}
	c.sent = now
	if err := c.write(g.requests[g.next]); err != nil {
		return err
	}
	g.next++
	g.active++
	return nil
}

func (g *generator) receive(c *conn) error {
	answer, err := c.read()
	if err != nil || answer == nil {
		return err
	}
	now := time.Now()
	g.active--
	g.count(answer)
	switch {
	case now.Before(g.start):
	case !now.After(g.end):
		if g.own == 0 {
			g.start = now // the measurement starts with this answer and excludes it
			g.own, g.server = g.cpu()
		} else {
			g.latencies = append(g.latencies, now.Sub(c.sent))
			g.last = now
		}
	}
	return g.send(c, now)
}

func (g *generator) count(answer []byte) {
	if n, ok := g.answers[string(answer)]; ok {
		*n++
		return
	}
	n := int64(1)
	g.answers[string(answer)] = &n
}

// cpu returns the CPU time so far of this process and of the server.
func (g *generator) cpu() (own, server time.Duration) {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) == nil {
		own = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	if g.cfg.PID != 0 {
		server = processCPU(g.cfg.PID)
	}
	return own, server
}

func (g *generator) result() (Result, error) {
	r := Result{Answers: make(map[string]int64), Requests: int64(len(g.latencies)), Elapsed: g.last.Sub(g.start)}
	for answer, n := range g.answers {
		r.Answers[answer] = *n
	}
	if r.Requests == 0 {
		return r, errors.New("no answer after the warm-up: the run is too short for this number of connections, or has too few people")
	}
	own, server := g.cpu()
	r.OwnCPU, r.ServerCPU = own-g.own, server-g.server
	slices.Sort(g.latencies)
	r.P50, r.P99 = stats.Percentile(g.latencies, 0.5), stats.Percentile(g.latencies, 0.99)
	return r, nil
}

// tick is the unit of CPU times in /proc: USER_HZ, always 100 for programs on Linux.
const tick = 10 * time.Millisecond

// processCPU returns the user and system time of a process; 0 if it has ended.
func processCPU(pid int) time.Duration {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	return parseCPU(string(b))
}

// parseCPU reads fields 14 and 15. The second field is a name in parentheses with any characters.
func parseCPU(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick
}
