package suite

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer // of stderr; read it only after stop
	addr netip.AddrPort
}

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second
)

// start starts a server and waits until it prints its address.
func (ws *workspace) start(ctx context.Context, cpu int, name string, args ...string) (*process, error) {
	p := &process{cmd: ws.command(ctx, cpu, name, args...), log: new(bytes.Buffer)}
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(startTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on http://"); ok {
			p.addr, err = netip.ParseAddrPort(url)
			go func() { // discard the rest: a full pipe would block the server
				for lines.Scan() {
				}
			}()
			return p, err
		}
	}
	err = p.cmd.Wait()
	return nil, fmt.Errorf("%s did not print its address: %w\n%s", name, err, p.log)
}

// stop sends SIGTERM, waits for the end and returns the peak memory.
func (p *process) stop() (peak int64, err error) {
	peak = peakMemory(p.cmd.Process.Pid)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return peak, err
	}
	timer := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	if err := p.cmd.Wait(); err != nil {
		return peak, fmt.Errorf("the server did not stop properly: %w\n%s", err, p.log)
	}
	return peak, nil
}

// kill ends a server whose run failed.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// peakMemory returns VmHWM of a process, or 0 if it has ended.
func peakMemory(pid int) int64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	return parsePeak(string(b))
}

func parsePeak(status string) int64 {
	_, rest, _ := strings.Cut(status, "VmHWM:")
	kib, err := strconv.ParseInt(firstField(rest), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

func firstField(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}

// finished is the result of a command.
type finished struct {
	out     []byte
	elapsed time.Duration
	peak    int64 // as last seen, a few milliseconds before the end
}

// pollInterval is the interval between readings of a command's peak memory.
const pollInterval = 20 * time.Millisecond

// finish runs a command and waits for its end.
func (ws *workspace) finish(ctx context.Context, cpu int, name string, args ...string) (finished, error) {
	cmd := ws.command(ctx, cpu, name, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return finished{}, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var f finished
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.peak = max(f.peak, peakMemory(cmd.Process.Pid))
		case err := <-done:
			f.out, f.elapsed = out.Bytes(), time.Since(start)
			if err != nil {
				err = errors.Join(fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err), errors.New(errOut.String()))
			}
			return f, err
		}
	}
}
