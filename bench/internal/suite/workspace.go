// Package suite builds the programs, seeds the databases and runs the workloads.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/triport/triport-console/bench/internal/seed"
)

// Scale is the size of the benchmark.
type Scale struct {
	Rounds  int
	People  int64   // people with sessions in the workloads over HTTP
	Growth  []int64 // attributions in the store; empty: growth is not measured
	Million int64   // attributions in the store of the workload start
	Lines   int64   // lines of replay and import
	Starts  int     // starts per run
	Slice   int64   // people per round in a store that is used in place
	Warm    time.Duration
	For     time.Duration
}

// workspace has the programs and files of a run of the suite.
type workspace struct {
	scale  Scale
	pin    bool
	root   string // directory of the product's module
	bench  string // directory of this module
	dir    string // for all created files; removed at the end
	log    io.Writer
	stored map[string]counts // rows of the databases that are used in place
}

func (ws *workspace) logf(format string, args ...any) { fmt.Fprintf(ws.log, format+"\n", args...) }

func (ws *workspace) path(name string) string { return filepath.Join(ws.dir, name) }

func (ws *workspace) bin(name string) string { return filepath.Join(ws.dir, "bin", name) }

// environment is the environment of all started programs: only flags configure them.
func (ws *workspace) environment() []string {
	env := []string{"XDG_CONFIG_HOME=" + ws.dir, "HOME=" + ws.dir, "TMPDIR=" + ws.dir, "NO_COLOR=1"}
	return append(env, "PATH="+os.Getenv("PATH"))
}

// command returns a program that is not started yet. cpu < 0 means any core.
func (ws *workspace) command(ctx context.Context, cpu int, name string, args ...string) *exec.Cmd {
	argv := append([]string{ws.bin(name)}, args...)
	if cpu >= 0 {
		argv = append([]string{"taskset", "-c", fmt.Sprint(cpu)}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = ws.dir, ws.environment()
	return cmd
}

// build builds all programs, the product with `make release`.
func (ws *workspace) build(ctx context.Context) error {
	ws.logf("build the product and its peers")
	if err := os.MkdirAll(ws.path("bin"), 0o700); err != nil {
		return err
	}
	if err := ws.run(ctx, ws.root, nil, "make", "-s", "release", "BIN="+ws.bin("product")); err != nil {
		return err
	}
	overlay, err := ws.normalOverlay()
	if err != nil {
		return err
	}
	goflags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -overlay=" + overlay)
	if err := ws.run(ctx, ws.root, []string{"GOFLAGS=" + goflags}, "make", "-s", "release", "BIN="+ws.bin("normal")); err != nil {
		return err
	}
	return ws.run(ctx, ws.bench, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", ws.path("bin")+"/",
		"./cmd/load", "./cmd/bare", "./cmd/batchsize", "./cmd/naive", "./cmd/raw", "./cmd/pocketbase", "./cmd/walbytes")
}

// run runs a tool in a directory with additional environment variables.
func (ws *workspace) run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// database is a seeded database. Each run uses a copy, or, with inPlace, the file itself.
type database struct {
	name    string
	layout  seed.Layout
	inPlace bool
}

func (ws *workspace) databasePath(m database) string { return ws.path("seeded-" + m.name + ".db") }

// prepare seeds the database unless it exists.
func (ws *workspace) prepare(ctx context.Context, m database) error {
	path := ws.databasePath(m)
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ws.logf("seed %s: %d people, %d attributions", m.name, m.layout.People(), m.layout.Attributed)
	if m.name == pocketbaseName {
		cmd := ws.command(ctx, -1, "pocketbase", "-dir", path, "-seed", fmt.Sprint(m.layout.Fresh))
		return withOutput(cmd.CombinedOutput())
	}
	if m.name == naiveName {
		cmd := ws.command(ctx, -1, "naive", "-database", path, "-seed", fmt.Sprint(m.layout.Fresh))
		if err := withOutput(cmd.CombinedOutput()); err != nil {
			return err
		}
		return syncFile(path)
	}
	if err := withOutput(ws.command(ctx, -1, "product", "db", "migrate", "--database", path).CombinedOutput()); err != nil {
		return err
	}
	if err := seed.Fill(ctx, path, m.layout); err != nil {
		return fmt.Errorf("seed %s: %w", m.name, err)
	}
	return syncFile(path)
}

// withOutput adds the output of a program to its error.
func withOutput(out []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// fresh returns a database for one run and a function that removes it.
func (ws *workspace) fresh(m database) (path string, discard func(), err error) {
	if m.inPlace {
		return ws.databasePath(m), func() {}, nil
	}
	dir, err := os.MkdirTemp(ws.dir, "run-")
	if err != nil {
		return "", nil, err
	}
	discard = func() { _ = os.RemoveAll(dir) } // the workspace is removed at the end
	path = filepath.Join(dir, "triport.db")
	if m.name == pocketbaseName {
		path = dir
		err = copyDir(dir, ws.databasePath(m))
	} else {
		err = copyFile(path, ws.databasePath(m))
	}
	if err != nil {
		discard()
		return "", nil, err
	}
	return path, discard, nil
}

func copyDir(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := copyFile(filepath.Join(to, e.Name()), filepath.Join(from, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies and syncs, so the disk is idle during the measurement.
func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Sync()
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
