package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

// version is set by the build: -ldflags "-X github.com/triport/triport-console/internal/cli.version=v1.2.3".
var version string

type versionOptions struct{}

func newVersion(a *app) *cobra.Command {
	return leaf(a, "version", "print the version of the program and of what it is built on",
		"Print the version of the program, the commit it was built from, and the versions\nof Go and SQLite in it.",
		"  triport-console version\n  triport-console version -o json",
		func(_ *cobra.Command, args []string) (action, error) { return versionOptions{}, exactly(args) })
}

func (versionOptions) run(_ context.Context, a *app) error {
	v := struct {
		Version string  `json:"version"`
		Commit  *string `json:"commit"`
		Go      string  `json:"go"`
		SQLite  string  `json:"sqlite"`
	}{Go: runtime.Version(), SQLite: sqlite.Version()}
	var commit string
	v.Version, commit = buildOf(debug.ReadBuildInfo())
	v.Commit = optional(commit)
	return a.result(v, func() {
		a.printf("%s %s\n", programName, v.Version)
		if commit != "" {
			a.printf("commit %s\n", commit)
		}
		a.printf("%s, SQLite %s\n", v.Go, v.SQLite)
	})
}

// buildOf returns the program's version and the commit it was built from, as far as the build says.
func buildOf(info *debug.BuildInfo, ok bool) (program, commit string) {
	program = version
	if !ok {
		info = &debug.BuildInfo{}
	}
	if program == "" {
		program = info.Main.Version
	}
	if program == "" || program == "(devel)" {
		program = "dev"
	}
	var modified bool
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if commit != "" && modified {
		commit += "-dirty"
	}
	return program, commit
}
