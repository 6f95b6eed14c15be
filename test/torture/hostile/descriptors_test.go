package hostile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/triport/triport-console/test/torture/harness"
)

// fewDescriptors is what the server is left with in this test. Strangers ask for twice as many.
const fewDescriptors = 200

// TestDescriptorsRunOut has more strangers connect than the server has descriptors for. Who is connected
// is served on, an attempt that the store does not take finds its way into the spool, for which a
// descriptor must be left, and new connections are taken as soon as some strangers have left.
func TestDescriptorsRunOut(t *testing.T) {
	s := besiege(t, 1, manners{kept: true, without: true})
	few := unix.Rlimit{Cur: fewDescriptors, Max: fewDescriptors}
	if err := unix.Prlimit(s.srv.PID, unix.RLIMIT_NOFILE, &few, nil); err != nil {
		t.Fatal(err)
	}
	strangers := s.gather(2*fewDescriptors, func(*wire) {})
	harness.Until(t, "the descriptors are used up", func() bool { return s.vitals().Descriptors > fewDescriptors*3/4 })
	p := s.person()
	s.spoolUnderLock(p)
	held := s.vitals().Descriptors
	disperse(strangers)
	s.once(health, []answer{healthy})
	harness.Until(t, "the spool is drained", func() bool {
		_, waiting := os.Stat(s.site.Database + ".spool")
		drained, err := filepath.Glob(s.site.Database + ".spool.[0-9]*")
		return errors.Is(waiting, os.ErrNotExist) && err == nil && len(drained) == 0
	})
	s.lift(bounds{descriptors: fewDescriptors}, "limit", fewDescriptors, "strangers", len(strangers), "held", held)
}

// spoolUnderLock makes an attempt while another process holds the write lock: it must go to the spool.
func (s *siege) spoolUnderLock(p harness.Person) {
	db := s.site.Open()
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`BEGIN IMMEDIATE`); err != nil {
		s.Fatal(err)
	}
	a, err := s.polite.kept.Attribute(s.Context(), s.srv.Address, p, s.code)
	if err != nil || a.Reason != "internal_error" {
		s.fault("under the lock: %+v, %v", a, err)
	}
	s.ledger.Answered(p, s.code, a)
	if _, err := os.Stat(s.site.Database + ".spool"); err != nil {
		s.fault("the attempt is not in the spool: %v\n%s", err, s.srv.Log())
	}
	if _, err := db.Exec(`ROLLBACK`); err != nil {
		s.Fatal(err)
	}
}
