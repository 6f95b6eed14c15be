// Package harness is what the suites share: the real program as a process, people with sessions, a
// client that remembers what was acknowledged, and the checks that nothing of it was lost or doubled.
package harness

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Patience bounds what must happen, on a busy machine.
const Patience = 60 * time.Second

var (
	long    = flag.Bool("long", false, "run the long form of the suite")
	figures = flag.String("figures", "", "`file` to which the figures are appended too")

	binary string
)

// Long tells whether the long form was asked for.
func Long() bool { return *long }

// Scale chooses a number by the form that was asked for.
func Scale(short, full int) int {
	if Long() {
		return full
	}
	return short
}

// Main runs the tests of a package with the program built: the one that TRIPORT_CONSOLE_BIN names, or
// one built for this run.
func Main(m *testing.M) int {
	if binary = os.Getenv("TRIPORT_CONSOLE_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "triport-torture-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "triport-console")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "./cmd/triport-console")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// Binary is the program that is tested.
func Binary() string { return binary }

// Figures prints what a suite did, as one line of name=value pairs, also when it passed.
func Figures(t testing.TB, suite string, pairs ...any) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", suite)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, " %v=%v", pairs[i], pairs[i+1])
	}
	fmt.Println(b.String())
	if *figures == "" {
		return
	}
	f, err := os.OpenFile(*figures, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(f, b.String()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Until polls until done says so, and fails the test when it does not within Patience.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", Patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
