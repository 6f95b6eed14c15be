// Package browser runs the console's clients in a real headless Chromium against the real server, behind a
// TLS proxy. All traffic stays on the loopback interface.
package browser

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/triport/triport-console/test/program"
)

// chromium is the path of the browser.
var chromium string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if chromium, err = findChromium(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return program.Main(m)
}

// findChromium prefers CHROMIUM to the installed browsers.
func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium not found: install it (apt-get install chromium), or name a browser in CHROMIUM")
}
