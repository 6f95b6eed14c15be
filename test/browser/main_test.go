// Package browser drives the console's clients in a real headless Chromium, against the real server
// behind a TLS proxy, with nothing but loopback in between.
package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the product: the one that TRIPORT_CONSOLE_BIN names, or built for this run. chromium is the
// browser.
var binary, chromium string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if chromium, err = findChromium(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv("TRIPORT_CONSOLE_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "triport-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "triport-console")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/triport-console")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// findChromium prefers CHROMIUM to what is installed.
func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no chromium: install it (apt-get install chromium), or name one in CHROMIUM")
}
