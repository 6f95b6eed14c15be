package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/triport/triport-console/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: func() {
		os.Exit(cli.Main()) //nolint:forbidigo // the main of the program in a script
	}})
}

// TestScripts runs the scripts of testdata/script on the real main, each in a directory of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"json":    jsonIs,
			"jsonlen": jsonLength,
			"capture": capture,
			"drained": drained,
			"tamper":  tamper,
			"serve":   serve,
			"stop":    stop,
			"ended":   ended,
			"cookie":  cookie,
			"http":    httpCall,
			"closed":  closedEarly,
		},
	})
}
