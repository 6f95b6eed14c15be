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

// TestKilledWhileBackingUp kills the copying command and, in turn, the server beside it. What is left
// with the name of the backup must be a whole one, and the name must be free for the next try
// otherwise.
func TestKilledWhileBackingUp(t *testing.T) {
	kills, crowd := harness.Scale(6, 20), 200
	a := newAttack(t, (kills+1)*crowd+4000)
	whole := a.timeToBackUp()
	srv := a.Serve()
	for kill := range kills {
		people := a.crowd(crowd)
		over := a.under(srv, 32, people)
		file := filepath.Join(a.t.TempDir(), "backup.db")
		if kill%2 == 0 {
			// The first kills come early, so that one of them interrupts the copy on any machine.
			a.killCommand(a.copying(file, whole*time.Duration(kill+1)/time.Duration(kills)/2), "db", "backup", file)
			a.noHalfCopy(file)
			<-over
		} else {
			a.backUpWhile(file, func() { a.moment(whole / 2); a.kill(srv) })
			<-over
			srv = a.recover(people)
		}
	}
	if a.hits["interrupted_copy"] == 0 {
		t.Error("no kill interrupted a copy: this run proves nothing")
	}
	a.figures("backing-up", srv, "interrupted_copies", a.hits["interrupted_copy"])
}

// copying returns what waits until there is a file of that copy, and for a random part of d.
func (a *attack) copying(file string, d time.Duration) func() {
	return func() {
		harness.Until(a.t, "a file with the name of the copy", func() bool {
			names, err := filepath.Glob(file + "*")
			return err == nil && len(names) > 0
		})
		a.moment(d)
	}
}

// timeToBackUp is how long a copy takes.
func (a *attack) timeToBackUp() time.Duration {
	a.t.Helper()
	began := time.Now()
	a.backUpWhile(filepath.Join(a.t.TempDir(), "backup.db"), func() {})
	return time.Since(began)
}

// backUpWhile makes a copy, does something meanwhile, and checks the copy.
func (a *attack) backUpWhile(file string, meanwhile func()) {
	a.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := a.Run(nil, "db", "backup", file)
		done <- err
	}()
	meanwhile()
	if err := <-done; err != nil {
		a.t.Fatalf("kill %d, seed %d: %v", a.kills, *seed, err)
	}
	a.wholeCopy(file)
}

// noHalfCopy holds that a copy with the name of a backup is a whole one, and that another try with
// that name works when there is none.
func (a *attack) noHalfCopy(file string) {
	a.t.Helper()
	_, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.hits["interrupted_copy"]++
		a.backUpWhile(file, func() {})
	case err != nil:
		a.t.Fatal(err)
	default:
		a.wholeCopy(file)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(left) != 1 {
		a.t.Errorf("kill %d, seed %d: beside a good backup lies what a kill left: %q, %v", a.kills, *seed, left, err)
	}
}

func (a *attack) wholeCopy(file string) {
	a.t.Helper()
	for _, args := range [][]string{{"db", "check"}, {"referral", "verify"}} {
		if _, err := a.Run(nil, append(args, "--database", file)...); err != nil {
			a.t.Fatalf("kill %d, seed %d: a file with the name of a backup is none: %v", a.kills, *seed, err)
		}
	}
}
