// Package openapi holds docs/openapi.yaml against the real server's answers and against the code.
package openapi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// root is the repository's.
var root = filepath.Join("..", "..")

// binary is the product: the one that TRIPORT_CONSOLE_BIN names, or built for this run.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if binary = os.Getenv("TRIPORT_CONSOLE_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "triport-openapi-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "triport-console")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/triport-console")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
