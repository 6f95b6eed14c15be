package lossyfs

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

var seed = flag.Uint64("seed", 0, "seed of the random choices; 0 takes one from the clock")

// Seed returns the seed of this run and says it when the test fails, so that it can be run again with
// -args -seed.
func Seed(t testing.TB) uint64 {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run it again with -args -seed %d", n)
		}
	})
	return n
}

// Site is an installation whose database and spool lie on a disk of their own. The embedded Site's
// Open and Check map files: they are for a Copy.
type Site struct {
	*harness.Site
	Disk *Disk
	Rng  *rand.Rand
	Seed uint64
	more []string
}

// NewSite makes an installation with so many people on a new disk; more are further lines of its
// configuration. Without people there is not even a database.
func NewSite(t testing.TB, people int, more ...string) *Site {
	t.Helper()
	n := Seed(t)
	s := &Site{Disk: New(n), Rng: rand.New(rand.NewPCG(n, 2)), Seed: n, more: more}
	if people > 0 {
		s.Site = harness.NewSite(t, t.TempDir())
		s.Populate(people)
		s.Must(s.Disk.Import(s.Dir))
	} else {
		s.Site = &harness.Site{T: t}
	}
	s.Site = s.in(t.TempDir())
	s.Must(s.Disk.Mount(s.Dir))
	t.Cleanup(func() { s.Must(s.Disk.Unmount()) })
	return s
}

// in is the same installation with its files in another directory.
func (s *Site) in(dir string) *harness.Site {
	s.T.Helper()
	site := &harness.Site{T: s.T, Dir: dir, Database: filepath.Join(dir, "triport.db"), People: s.People,
		Config: filepath.Join(s.T.TempDir(), "config.yaml")}
	lines := append([]string{"listen: 127.0.0.1:0", "database: " + site.Database}, s.more...)
	s.Must(os.WriteFile(site.Config, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return site
}

// Copy is the installation as it is at this moment, on an ordinary disk.
func (s *Site) Copy() *harness.Site {
	s.T.Helper()
	dir := s.T.TempDir()
	s.Must(s.Disk.Export(dir))
	return s.in(dir)
}

// Cut cuts the power and brings the disk back.
func (s *Site) Cut(fate Fate, all ...Process) {
	s.T.Helper()
	s.Must(s.Disk.Cut(s.Rng, fate, all...))
	s.Must(s.Disk.Mount(s.Dir))
}

// Waiting tells whether attempts wait in the spool.
func (s *Site) Waiting() bool {
	for name, size := range s.Disk.Sizes() {
		if SpoolFile(name) && size > 0 {
			return true
		}
	}
	return false
}

// SpoolFile tells whether attempts wait in a file of that name.
func SpoolFile(name string) bool {
	rest, ok := strings.CutPrefix(name, "triport.db.spool")
	return ok && strings.Trim(rest, ".0123456789") == ""
}

// Must ends the test when there is an error.
func (s *Site) Must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}
