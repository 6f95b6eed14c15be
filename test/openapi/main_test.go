// Package openapi compares docs/openapi.yaml with the responses of the real server and with the code.
package openapi

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/triport/triport-console/test/program"
)

// root is the directory of the repository.
var root = filepath.Join("..", "..")

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }
