// Package disks makes the disk fail under the running server: full, read-only, hanging, I/O errors. It also
// removes, replaces or damages the database, and breaks a line of the spool.
//
// A disk that fails: users call while the disk is ok, while it fails, and after it has recovered.
//
//   - Every call is answered within the deadline plus the spool's time: with 200, or with 503 if the
//     session cannot be checked.
//   - While the disk fails, /readyz answers 503 with a message.
//   - After the disk has recovered, the server is ready within seconds, without a restart. Spooled
//     attempts are attributed. What even the spool could not take is in the error log, in lines that
//     referral replay --from reads.
//   - No acknowledged attribution is missing. On the lossy disk the power is cut before this is checked,
//     and only what was fsynced survives.
//
// A database file that is removed or replaced (or its -wal or -shm): see removal_test.go.
//
// The tests rely on:
//
//	the deadline of a commit, and the spool's own time    TestHangingFsync…
//	the check of the files after each commit              all of removal_test.go
//	reopening the database after an I/O error             all tests in which the disk recovers
//	the last resort in the error log                      TestFullDisk…, read-only, TestFolderRenamedAway…
//	the dead-letter file of the spool                     TestMalformedSpoolLine…
//	spooling what the store did not take                  all tests
//
// A tmpfs cannot be remounted read-only while a server has files open for writing (EBUSY), nor can any
// other file system. So the disk that becomes read-only is the lossy one.
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
	// The tests mostly wait for deadlines.
	if err := flag.Set("test.parallel", "20"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(harness.Main(m))
}
