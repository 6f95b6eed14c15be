package kills

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// TestKillDuringBackup kills `db backup` and, in turn, the server that runs at the same time. A file with
// the name of the backup must be complete. If there is none, the next try with that name must work.
func TestKillDuringBackup(t *testing.T) {
	kills, n := harness.Scale(6, 20), 200
	f := newFixture(t, (kills+1)*n+4000)
	duration := f.timeBackup()
	srv := f.StartServer()
	for kill := range kills {
		users := f.newUsers(n)
		over := f.loadHalf(srv, 32, users)
		file := filepath.Join(f.t.TempDir(), "backup.db")
		if kill%2 == 0 {
			// The first kills come early, so one of them interrupts the copy on any machine.
			f.killCommand(f.afterFile(file, duration*time.Duration(kill+1)/time.Duration(kills)/2), "db", "backup", file)
			f.checkKilledBackup(file)
			<-over
		} else {
			f.backup(file, func() { f.pause(duration / 2); f.kill(srv) })
			<-over
			srv = f.restart(users)
		}
	}
	if f.hits["interrupted_copy"] == 0 {
		t.Error("no kill interrupted a copy: this run proves nothing")
	}
	f.finish("backup", srv, "interrupted_copies", f.hits["interrupted_copy"])
}

// afterFile returns a function that waits for the first file of the copy, and then for a random part of d.
func (f *fixture) afterFile(file string, d time.Duration) func() {
	return func() {
		harness.WaitFor(f.t, "a file of the copy exists", func() bool {
			names, err := filepath.Glob(file + "*")
			return err == nil && len(names) > 0
		})
		f.pause(d)
	}
}

// timeBackup measures how long a copy takes.
func (f *fixture) timeBackup() time.Duration {
	f.t.Helper()
	started := time.Now()
	f.backup(filepath.Join(f.t.TempDir(), "backup.db"), func() {})
	return time.Since(started)
}

// backup makes a copy, runs meanwhile at the same time, and checks the copy.
func (f *fixture) backup(file string, meanwhile func()) {
	f.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := f.Run(nil, "db", "backup", file)
		done <- err
	}()
	meanwhile()
	if err := <-done; err != nil {
		f.t.Fatalf("kill %d, seed %d: %v", f.kills, *seed, err)
	}
	f.checkBackup(file)
}

// checkKilledBackup checks that the file of a killed backup is complete or missing. If it is missing, the
// backup must work with the same name.
func (f *fixture) checkKilledBackup(file string) {
	f.t.Helper()
	_, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.hits["interrupted_copy"]++
		f.backup(file, func() {})
	case err != nil:
		f.t.Fatal(err)
	default:
		f.checkBackup(file)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(left) != 1 {
		f.t.Errorf("kill %d, seed %d: the kill left more than the backup: %q, %v", f.kills, *seed, left, err)
	}
}

func (f *fixture) checkBackup(file string) {
	f.t.Helper()
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := f.Run(nil, append(args, "--database", file)...); err != nil {
			f.t.Fatalf("kill %d, seed %d: the backup is not complete: %v", f.kills, *seed, err)
		}
	}
}
