// Package power cuts the power under the program. Its database and spool are on a disk that may lose,
// reorder or tear everything that was not fsynced (package lossyfs). The server runs under load and is
// killed at the moment of the cut, between two operations of the disk that are chosen or random. Then it
// starts again on what survived.
//
// After each cut: every acknowledged attribution is there once, attempts that were answered internal_error
// are attributed once the spool is drained, db check and referral verify find nothing. What a command
// reported as done is done.
//
// The tests rely on:
//
//	synchronous=FULL                         the tests of commits and of the checkpoint
//	closing as after a crash if an fsync     TestFailedFsyncOfCheckpointLosesNothing
//	failed
//	the fsync of the spool                   the tests of the spool
//	the fsync of the directory when the      TestFirstSpooledAttemptSurvivesPowerCut
//	spool is created
//	the fsync of the directory when a        TestNewSpoolNeverReplacesSegmentBeingDrained
//	segment is renamed
//	the fsyncs of a backup and its           TestBackupReportedDoneIsComplete; SQLite fsyncs what VACUUM
//	directory                                INTO writes as well: the test fails if both are missing
//
// Removing a drained segment needs no fsync: it would be replayed again, and twice is once.
//
// A failed test logs its seed. -args -seed repeats the random choices, but not the scheduling of the
// processes.
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

// clientEnv turns this binary into another process that uses the database: the process that serves the
// disk must not open it.
const clientEnv = "TORTURE_STATEMENT"

func TestMain(m *testing.M) {
	if statement := os.Getenv(clientEnv); statement != "" {
		if err := runClient(statement, os.Getenv("TORTURE_DATABASE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(harness.Main(m))
}

// What another process does: hold the write lock, keep a snapshot, or checkpoint all the time.
const (
	lockHolder   = "BEGIN IMMEDIATE"
	reader       = "BEGIN; SELECT count(*) FROM attributions"
	checkpointer = "PRAGMA wal_checkpoint(TRUNCATE)"
)

func runClient(statement, database string) error {
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(database)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(statement); err != nil {
		return err
	}
	fmt.Println("ready")
	if statement != checkpointer {
		_, err := os.Stdin.Read(make([]byte, 1)) // until the test ends it
		return err
	}
	for range time.Tick(3 * time.Millisecond) {
		_, _ = db.Exec(statement) // a lock of another process is no reason to stop
	}
	return nil
}

// sqliteClient is another process that uses the database.
type sqliteClient struct{ cmd *exec.Cmd }

func startClient(t testing.TB, statement, database string) *sqliteClient {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &sqliteClient{exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), clientEnv+"="+statement, "TORTURE_DATABASE="+database)
	c.cmd.Stderr = os.Stderr
	if _, err := c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return c
}

// Signal sends the process a signal.
func (c *sqliteClient) Signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// Kill kills the process and returns once it has ended.
func (c *sqliteClient) Kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // fails because of the kill
}
