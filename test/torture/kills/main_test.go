// Package kills ends the real program with SIGKILL, at random moments and under real load, and holds
// what is left against what was acknowledged: every acknowledged attribution is there, none is there
// twice, every event has its row and every row its event, `db check` and `referral verify` are clean,
// and everybody who called is linked once the program is back.
//
//	test                         is killed while it …              stands on
//	TestKilledWhileCommitting    commits batches                   the answer comes after the commit; one
//	                                                               decision and its rows in one transaction;
//	                                                               the invitee is the key of an attribution
//	TestKilledWhileCheckpointing copies the WAL into the database  the WAL is begun anew only when all of it
//	                                                               is in the database
//	TestKilledWhileStopping      answers, commits and closes       the same, and the order of closing
//	TestKilledWhileSpooling      appends what it cannot write      the answer comes after the append
//	TestKilledWhileDraining      decides what waited               a segment goes only after its commit
//	TestKilledWhileMigrating     makes the database                migrations are transactions
//	TestKilledWhileBackingUp     copies the database               a copy gets its name when it is whole
//	TestKilledWhileReplaying     replays a file                    an attribution and its event in one
//	                                                               transaction; twice is once
//
// A kill leaves the system's cache alone, so that a missing fsync does not show here: cutting the power
// is another suite's work. What the kill hit is read from the WAL and its index afterwards, and printed.
package kills

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

var seed = flag.Uint64("seed", 0, "repeat the random choices of the run that printed this `number`")

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	fmt.Printf("kills: repeat with -args -seed %d\n", *seed)
	os.Exit(harness.Main(m))
}

// newDice returns the random choices of one test.
func newDice(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(*seed, h.Sum64()))
}
