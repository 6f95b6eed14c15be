// Package suite builds what is measured, seeds the databases, and runs the workloads side by side.
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

// Scale says how much is done.
type Scale struct {
	Rounds  int
	People  int64   // with sessions, of the workloads over HTTP
	Growth  []int64 // attributions in the store; empty: growth is not measured
	Million int64   // attributions in the store of the start
	Lines   int64   // of replay and import
	Starts  int     // in one run
	Slice   int64   // people a round takes of a store that is used in place
	Warm    time.Duration
	For     time.Duration
}

// lab is where everything lives while the suite runs.
type lab struct {
	scale  Scale
	pin    bool
	root   string // of the product's repository
	bench  string // of this module
	dir    string // everything that is made; removed at the end
	log    io.Writer
	stored map[string]counts // in the masters that are used in place
}

func (l *lab) logf(format string, args ...any) { fmt.Fprintf(l.log, format+"\n", args...) }

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) bin(name string) string { return filepath.Join(l.dir, "bin", name) }

// environment is that of all programs that are started: no configuration but the flags.
func (l *lab) environment() []string {
	env := []string{"XDG_CONFIG_HOME=" + l.dir, "HOME=" + l.dir, "TMPDIR=" + l.dir, "NO_COLOR=1"}
	return append(env, "PATH="+os.Getenv("PATH"))
}

// command is a program of the lab that has not been started. cpu < 0 leaves it free.
func (l *lab) command(ctx context.Context, cpu int, name string, args ...string) *exec.Cmd {
	argv := append([]string{l.bin(name)}, args...)
	if cpu >= 0 {
		argv = append([]string{"taskset", "-c", fmt.Sprint(cpu)}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = l.dir, l.environment()
	return cmd
}

// build makes all programs: the product as `make build` does.
func (l *lab) build(ctx context.Context) error {
	l.logf("build the product and what it is held against")
	if err := os.MkdirAll(l.path("bin"), 0o700); err != nil {
		return err
	}
	if err := l.run(ctx, l.root, nil, "make", "-s", "build", "BIN="+l.bin("product")); err != nil {
		return err
	}
	overlay, err := l.normalOverlay()
	if err != nil {
		return err
	}
	goflags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -overlay=" + overlay)
	if err := l.run(ctx, l.root, []string{"GOFLAGS=" + goflags}, "make", "-s", "build", "BIN="+l.bin("normal")); err != nil {
		return err
	}
	return l.run(ctx, l.bench, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", l.path("bin")+"/",
		"./cmd/load", "./cmd/bare", "./cmd/wired", "./cmd/naive", "./cmd/raw", "./cmd/pocketbase")
}

// run runs a tool in a folder with the process's own environment and more.
func (l *lab) run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// master is a seeded database. Each run gets a copy, or where inPlace says so the file itself.
type master struct {
	name    string
	layout  seed.Layout
	inPlace bool
}

func (l *lab) masterPath(m master) string { return l.path("master-" + m.name + ".db") }

// prepare seeds the master, unless it is there already.
func (l *lab) prepare(ctx context.Context, m master) error {
	path := l.masterPath(m)
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	l.logf("seed %s: %d people, %d attributions", m.name, m.layout.People(), m.layout.Attributed)
	if m.name == pocketbaseMaster {
		cmd := l.command(ctx, -1, "pocketbase", "-dir", path, "-seed", fmt.Sprint(m.layout.Fresh))
		return told(cmd.CombinedOutput())
	}
	if err := told(l.command(ctx, -1, "product", "db", "migrate", "--database", path).CombinedOutput()); err != nil {
		return err
	}
	if err := seed.Fill(ctx, path, m.layout); err != nil {
		return fmt.Errorf("seed %s: %w", m.name, err)
	}
	return syncFile(path)
}

// told adds to a program's error what it said.
func told(said []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	return nil
}

// fresh lends the run a database and takes it away afterwards.
func (l *lab) fresh(m master) (path string, discard func(), err error) {
	if m.inPlace {
		return l.masterPath(m), func() {}, nil
	}
	dir, err := os.MkdirTemp(l.dir, "run-")
	if err != nil {
		return "", nil, err
	}
	discard = func() { _ = os.RemoveAll(dir) } // the lab is removed as a whole at the end
	path = filepath.Join(dir, "triport.db")
	if m.name == pocketbaseMaster {
		path = dir
		err = copyDir(dir, l.masterPath(m))
	} else {
		err = copyFile(path, l.masterPath(m))
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

// copyFile leaves nothing for the disk to do while the copy is measured.
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
