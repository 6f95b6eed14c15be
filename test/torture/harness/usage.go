package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is the resource usage of a process, from /proc.
type Usage struct {
	RSS, PeakRSS         int64 // bytes
	Descriptors, Threads int
}

// Usage reads the usage of a running server.
func (srv *Server) Usage() (Usage, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", srv.PID))
	if err != nil {
		return Usage{}, err
	}
	fields := make(map[string]int64)
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64); err == nil {
			fields[name] = n
		}
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", srv.PID))
	if err != nil {
		return Usage{}, err
	}
	v := Usage{RSS: fields["VmRSS"] << 10, PeakRSS: fields["VmHWM"] << 10, Descriptors: len(open), Threads: int(fields["Threads"])}
	if v.RSS == 0 || v.Threads == 0 {
		return v, fmt.Errorf("process %d has ended", srv.PID) // a zombie has no memory
	}
	return v, nil
}
