package lossyfs

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

var seed = flag.Uint64("seed", 0, "seed of the random choices; 0 takes one from the clock")

// Seed returns the seed of this run. A failed test logs it, to be repeated with -args -seed.
func Seed(t testing.TB) uint64 {
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with -args -seed %d", n)
		}
	})
	return n
}

// Site is an installation whose database and spool are on their own Disk. The embedded Site's Open and
// Check map files: use them on a Copy only.
type Site struct {
	*harness.Site
	Disk *Disk
	Rng  *rand.Rand
	Seed uint64
	more []string
}

// NewSite creates a site with that many users on a new disk. more are additional lines of its
// configuration. Without users it has no database either.
func NewSite(t testing.TB, users int, more ...string) *Site {
	t.Helper()
	n := Seed(t)
	s := &Site{Disk: New(n), Rng: rand.New(rand.NewPCG(n, 2)), Seed: n, more: more}
	s.Site = &harness.Site{T: t}
	if users > 0 {
		s.Site = harness.NewSite(t, t.TempDir())
		s.AddUsers(users)
		s.Must(s.Disk.Import(s.Dir))
	}
	s.Site = s.in(t.TempDir())
	s.Must(s.Disk.Mount(s.Dir))
	t.Cleanup(func() { s.Must(s.Disk.Unmount()) })
	return s
}

// in returns the same site with its files in another directory.
func (s *Site) in(dir string) *harness.Site {
	s.T.Helper()
	site := harness.NewConfig(s.T, dir, s.more...)
	site.Users = s.Users
	return site
}

// Copy copies the site as it is now to an ordinary disk.
func (s *Site) Copy() *harness.Site {
	s.T.Helper()
	dir := s.T.TempDir()
	s.Must(s.Disk.Export(dir))
	return s.in(dir)
}

// Cut cuts the power and mounts the disk again.
func (s *Site) Cut(loss Loss, all ...Process) {
	s.T.Helper()
	s.Must(s.Disk.Cut(s.Rng, loss, all...))
	s.Must(s.Disk.Mount(s.Dir))
}

// Spooled reports whether the spool holds attempts.
func (s *Site) Spooled() bool {
	for name, size := range s.Disk.Sizes() {
		if harness.IsSpoolFile(name) && size > 0 {
			return true
		}
	}
	return false
}

// WaitDrained waits until the spool is empty.
func (s *Site) WaitDrained() {
	s.T.Helper()
	harness.WaitFor(s.T, "the spool is empty", func() bool { return !s.Spooled() })
}

// Must fails the test if there is an error.
func (s *Site) Must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}
