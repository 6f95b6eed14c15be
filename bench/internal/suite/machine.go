package suite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// Machine returns the conditions of the measurement: names and values.
func (r Result) Machine(dir string) [][2]string {
	return [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores", fromProc("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", fromProc("/proc/meminfo", "MemTotal")},
		{"kernel", strings.TrimSpace(readText("/proc/sys/kernel/osrelease"))},
		{"disk", fmt.Sprintf("%s; write and fsync of a page: %s", fileSystem(dir), r.Fsync.Round(1000))},
		{"load average before", r.Load},
		{"product", r.Version},
		{"size of the binary", fmt.Sprintf("%.1f MiB (bare %.1f, PocketBase %.1f)", mib(r.Sizes["product"]), mib(r.Sizes["bare"]), mib(r.Sizes["pocketbase"]))},
		{"versions", r.Libraries},
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// fromProc returns the first value of a name in a file of lines "name : value".
func fromProc(path, name string) string {
	for line := range strings.Lines(readText(path)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func readText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

func firstFields(s string, n int) []string {
	f := strings.Fields(s)
	return f[:min(n, len(f))]
}

// Names of usual file systems.
var fileSystems = map[int64]string{
	0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x794c7630: "overlayfs", 0x01021994: "tmpfs (an fsync costs nothing here)",
}

func fileSystem(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "unknown"
	}
	if name, ok := fileSystems[s.Type]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", s.Type)
}

func loadAverage() string { return strings.Join(firstFields(readText("/proc/loadavg"), 3), " ") }

// libraries returns the versions of the libraries of the product and its peers.
func (ws *workspace) libraries(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Version}}",
		"github.com/gofiber/fiber/v2", "modernc.org/sqlite", "github.com/pocketbase/pocketbase")
	cmd.Dir = ws.bench
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("list the libraries: %w", err)
	}
	return strings.Join(append(strings.Split(strings.TrimSpace(string(out)), "\n"), runtime.Version()), ", "), nil
}
