// Package disks makes the disk sick under the running server: full, read-only, hanging, failing; the
// database removed, moved away, replaced or damaged; a broken line in the spool.
//
// Every case goes the same way. People call while all is well; then the disk is made sick and people
// call on; then it heals, and people call again. What holds:
//
//   - Every call is answered within the deadline and the spool's time: with 200, or with 503 where the
//     session cannot be checked.
//   - While the disk is sick, /readyz answers 503 with a message.
//   - Once the disk is well, so is the server, without a restart, within seconds; what waits in the
//     spool is attributed by itself, and what not even the spool could take is in the error log, in
//     lines that referral replay --from reads.
//   - Nothing that was acknowledged is missing afterwards. On the lossy disk the power is cut before that
//     is looked at, and nothing survives that was not fsynced.
//
// The defences that these tests need:
//
//	the deadline of a commit, and the spool's own       TestAnFsyncThatHangs…
//	the look at the file after a commit (inPlace)       TestADatabaseThatIsRemoved…, …ReplacedByABackup
//	opening the database anew after a hard error        all that heal
//	the last resort in the error log                    TestAFullDisk, …ReadOnly…, TestAFolder…
//	setting a broken line of the spool aside            TestABrokenLineOfTheSpool…
//	spooling what the store did not take                every case
//
// A tmpfs cannot be remounted read-only under a server that has files open to write (EBUSY), nor can any
// other file system but by its own decision after an error. The disk that turns read-only is the lossy one.
package disks

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The cases wait for deadlines far more than they work.
	if err := flag.Set("test.parallel", "20"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(harness.Main(m))
}
