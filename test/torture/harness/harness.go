// Package harness contains what the suites share: the real program as a process, users with sessions, a
// ledger of what was acknowledged, and checks that none of it is lost or duplicated.
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

// Timeout bounds every wait. It is long because the machine may be busy.
const Timeout = 60 * time.Second

var (
	long    = flag.Bool("long", false, "run the long form of the suite")
	figures = flag.String("figures", "", "`file` to which the figures are appended")

	binary string
)

// Long reports whether the long form was requested.
func Long() bool { return *long }

// Scale returns full in the long form, short otherwise.
func Scale(short, full int) int {
	if Long() {
		return full
	}
	return short
}

// Main runs the tests of a package against the program that TRIPORT_CONSOLE_BIN names. If it names
// none, Main builds the program first.
func Main(m *testing.M) int {
	if binary = os.Getenv("TRIPORT_CONSOLE_BIN"); binary != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "triport-torture-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "create a directory for the binary:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "triport-console")
	build := exec.Command("go", "build", "-o", binary, "./cmd/triport-console")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// Figures prints one line of name=value pairs, and appends it to the file of -figures.
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

// WaitFor polls until done returns true. It fails the test after Timeout.
func WaitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(Timeout)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", Timeout, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
