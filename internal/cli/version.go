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

type versionJSON struct {
	Version string  `json:"version"`
	Commit  *string `json:"commit"`
	Go      string  `json:"go"`
	SQLite  string  `json:"sqlite"`
}

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the versions of the program, of Go and of SQLite",
		Long: `Print the version of the program, the commit it was built from, and the versions
of Go and SQLite in it.`,
		Example: "  triport-console version\n  triport-console version -o json",
		Args:    arguments(),
		RunE:    e.action(func([]string) command { return versionOptions{} }),
	}
}

func (versionOptions) run(_ context.Context, e *env) error {
	program, commit := readBuild(debug.ReadBuildInfo())
	v := versionJSON{program, optional(commit), runtime.Version(), sqlite.Version()}
	return e.result(v, func() {
		e.printf("%s %s\n", programName, v.Version)
		if commit != "" {
			e.printf("commit %s\n", commit)
		}
		e.printf("%s, SQLite %s\n", v.Go, v.SQLite)
	})
}

// readBuild returns the version of the program and its commit, if the build recorded them.
func readBuild(info *debug.BuildInfo, ok bool) (program, commit string) {
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
	var dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if commit != "" {
		commit += dirty
	}
	return program, commit
}
