// Package restarts restarts the server under load, as `systemctl restart` does, behind nginx. The test holds the
// listening socket, as a .socket unit does, and starts the next process when the old one has ended. No request may fail.
package restarts

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
