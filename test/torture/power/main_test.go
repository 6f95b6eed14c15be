// Package power cuts the power under the program. Its database and its spool lie on a disk that loses at
// a cut whatever was not fsynced, or keeps it in part, in another order, or torn (package lossyfs). The
// server runs under load and is killed at the moment of the cut, between two operations of the disk that
// are drawn at random or chosen; then it starts again on what survived.
//
// What holds after each cut: all that was acknowledged is there, nothing twice, attempts that were
// answered internal_error are attributed once the spool is drained, db check and verify find nothing.
// What a command reported done is done.
//
// The defences that these tests need:
//
//	synchronous=FULL                          the tests of commits and of the checkpoint
//	closing as a crash would after an         TestACheckpointWhoseFsyncFailsLosesNothing
//	fsync that failed
//	the fsync of the spool                    the tests of the spool
//	the fsync of the directory, when the      TestTheFirstAttemptInTheSpoolOutlivesACut
//	spool is made
//	the fsync of the directory, when a        TestANewSpoolNeverTakesThePlaceOfTheOneBeingDrained
//	segment is cut off
//	the fsyncs of a backup and its directory  TestABackupReportedDoneIsWhole; SQLite fsyncs what VACUUM INTO
//	                                          writes as well, so that the test fails when both are gone
//
// That a drained segment is gone needs no fsync: it would be replayed again, which is once. No test fails
// without it.
//
// The choices come from a seed that a failure prints; -args -seed repeats them, though not the
// scheduling of the processes.
package power

import (
	"bufio"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// besideEnv turns this binary into another program that works on the database, for no connection may
// be opened in the process that serves the disk.
const besideEnv = "TORTURE_BESIDE"

func TestMain(m *testing.M) {
	if what := os.Getenv(besideEnv); what != "" {
		if err := workBeside(what, os.Getenv("TORTURE_DATABASE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(harness.Main(m))
}

// The other programs: one holds the write lock, one stays in the moment of its read, one checkpoints all the
// time.
const (
	holder       = "BEGIN IMMEDIATE"
	reader       = "BEGIN; SELECT count(*) FROM attributions"
	checkpointer = "PRAGMA wal_checkpoint(TRUNCATE)"
)

func workBeside(what, database string) error {
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(database)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(what); err != nil {
		return err
	}
	fmt.Println("at work")
	if what != checkpointer {
		_, err := os.Stdin.Read(make([]byte, 1)) // until the test ends it
		return err
	}
	for range time.Tick(3 * time.Millisecond) {
		// A moment's lock is no reason to stop.
		_, _ = db.Exec(what)
	}
	return nil
}

// other is another program at work on the database.
type other struct{ cmd *exec.Cmd }

func startBeside(t testing.TB, what, database string) *other {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := &other{exec.Command(exe)}
	o.cmd.Env = append(os.Environ(), besideEnv+"="+what, "TORTURE_DATABASE="+database)
	o.cmd.Stderr = os.Stderr
	if _, err := o.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Kill)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return o
}

// Signal sends it a signal.
func (o *other) Signal(sig syscall.Signal) { _ = o.cmd.Process.Signal(sig) }

// Kill ends it and returns when it is gone.
func (o *other) Kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait() // killed, or waited for already
}
