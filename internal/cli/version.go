package cli

import (
	"cmp"
	"context"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

// version is set by the build: -ldflags "-X github.com/triport/triport-console/internal/cli.version=v1.2.3".
var version string

type versionOptions struct{}

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the versions of the program, of Go and of SQLite",
		Long: `Print the version of the program, the commit it was built from, and the versions
of Go and SQLite in it.`,
		Example: "  triport-console version\n  triport-console version -o json",
		RunE:    e.action(func([]string) command { return versionOptions{} }),
	}
}

func (versionOptions) run(_ context.Context, e *env) error {
	program, commit := readBuild(debug.ReadBuildInfo())
	v := object{{"version", program}, {"commit", commit}, {"go", runtime.Version()}, {"sqlite", sqlite.Version()}}
	return e.result(v, func() {
		e.printf("%s %s\n", programName, program)
		if commit != "" {
			e.printf("commit %s\n", commit)
		}
		e.printf("%s, SQLite %s\n", runtime.Version(), sqlite.Version())
	})
}

func readBuild(info *debug.BuildInfo, ok bool) (program, commit string) {
	if !ok {
		info = &debug.BuildInfo{}
	}
	program = cmp.Or(version, strings.TrimPrefix(info.Main.Version, "(devel)"), "dev")
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value + commit
		case s.Key == "vcs.modified" && s.Value == "true":
			commit += "-dirty"
		}
	}
	return program, commit
}
