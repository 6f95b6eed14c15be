// Package kills ends the real program with SIGKILL, at random moments and under load. Then it compares the
// database with what was acknowledged: every acknowledged attribution is there once, every event has its
// row and every row its event, `db check` and `referral verify` find nothing, and every user who called
// is attributed after the restart.
//
//	test                       is killed while it …             relies on
//	TestKillDuringCommit       commits batches                  the answer comes after the commit; one
//	                                                            decision and its rows in one transaction;
//	                                                            the invitee is the key of an attribution
//	TestKillDuringCheckpoint   copies the WAL to the database   the WAL restarts only after all of it is
//	                                                            in the database
//	TestKillDuringShutdown     answers, commits and closes      the same, and the order of closing
//	TestKillDuringSpooling     appends to the spool             the answer comes after the append
//	TestKillDuringDrain        replays the spool                a segment is removed after its commit
//	TestKillDuringCreation     creates the database             migrations are transactions
//	TestKillDuringMigration    migrates a database with rows    the same: schema 1 or 2, never a mixture
//	TestKillDuringBackup       copies the database              a copy gets its name once it is complete
//	TestKillDuringReplay       replays a file                   an attribution and its event in one
//	                                                            transaction; twice is once
//
// A kill does not affect the page cache, so a missing fsync is not detected here: package power does
// that. Each test reads from the WAL and its index what the kill interrupted, and prints it.
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

// newRand returns the random numbers of one test.
func newRand(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(*seed, h.Sum64()))
}
