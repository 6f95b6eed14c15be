package disks

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// A database whose file, -wal or -shm is removed or replaced under load. What is promised:
//
//   - No call that is sent after the removal is acknowledged. Attempts are spooled, or logged if the
//     spool cannot be written either.
//   - The server ends within a second with exit code 1, and logs what happened and what to do. On a slow
//     disk it ends once its WAL is copied.
//   - After the restart, every acknowledged attribution is there that is still in the files: all of them,
//     unless the database file itself is gone. If only -wal was removed, the server has copied its
//     WAL into the database before it ended.
//   - Spooled attempts are attributed after the restart, and nothing is there twice.
//   - serve creates no database next to a write-ahead log or spool: it exits with 3.

const (
	// removalUsers is enough for calls at callEvery until the server ends, and for the calls after that.
	removalUsers = 2500 + users
	// callEvery is the pause of one caller between two calls.
	callEvery = 5 * time.Millisecond
	// maxEnd is the promised second plus slack for a busy machine.
	maxEnd = 5 * time.Second
	// maxSlowEnd is the bound on a slow disk.
	maxSlowEnd = 15 * time.Second
)

func TestDatabaseRenamedAwayAndBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), removalUsers)
	away := f.Database + ".away"
	f.removeUnderLoad(func() { rename(t, f.Database, away) })
	f.wantStartRejected()
	rename(t, away, f.Database)
	f.restart()
	f.finishRemoval("renamed-away")
}

// The spool cannot be written either: the attempts are in the error log.
func TestFolderRenamedAwayAndBack(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, dir, removalUsers)
	f.removeUnderLoad(func() { rename(t, dir, dir+".away") })
	if _, err := f.TryStartServer(); err == nil {
		t.Error("the server started without its folder")
	}
	rename(t, dir+".away", dir)
	f.restart()
	f.finishRemoval("folder-renamed-away")
	if f.replayed == 0 {
		t.Error("no attempt is in the error log: this run proves nothing")
	}
}

// The operator deletes the database and restores a backup later.
func TestDatabaseRemovedAndRestoredFromBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), removalUsers)
	backup := f.backup()
	f.removeUnderLoad(f.removeFiles)
	f.wantStartRejected() // the spool is there
	rename(t, backup, f.Database)
	f.restart()
	f.ledger.DropAcknowledged(f.sinceBackup)
	f.finishRemoval("removed")
}

// Without the -wal of the removed database a backup is safe to restore. With it, SQLite would play it into
// the backup: the server must not start before the operator has removed it.
func TestOnlyDatabaseFileRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), removalUsers)
	backup := f.backup()
	f.removeUnderLoad(func() { remove(t, f.Database) })
	f.wantStartRejected()
	f.removeFiles()
	rename(t, backup, f.Database)
	f.restart()
	f.ledger.DropAcknowledged(f.sinceBackup)
	f.finishRemoval("only-database-removed")
}

// A backup is renamed over the database in one step, and the -wal of the old database stays. Nothing of that
// WAL may get into the backup.
func TestDatabaseReplacedByBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), removalUsers)
	backup := f.backup()
	if _, err := f.Run(nil, "code", "set", f.Users[0].Email, "since-the-backup"); err != nil {
		t.Fatal(err)
	}
	f.removeUnderLoad(func() { rename(t, backup, f.Database) })
	f.restart()
	f.ledger.DropAcknowledged(f.sinceBackup)
	out, err := f.Run(nil, "code", "list", f.Users[0].Email)
	if err != nil || strings.Contains(string(out), "since-the-backup") {
		t.Errorf("the backup has a code that was set after it: %s, %v", out, err)
	}
	f.finishRemoval("replaced-by-backup")
}

// An empty file is no database: serve must not make one of it next to the spool.
func TestDatabaseReplacedByEmptyFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), removalUsers)
	original, empty := f.Database+".original", f.Database+".empty"
	if err := errors.Join(os.Link(f.Database, original), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	f.removeUnderLoad(func() { rename(t, empty, f.Database) })
	f.wantStartRejected()
	rename(t, original, f.Database)
	f.restart()
	f.finishRemoval("replaced-by-empty-file")
}

// Only the names of companions change, so every acknowledged attribution must be there.
func TestWALOrIndexRemovedOrReplaced(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, database string){
		"wal-removed":  func(t *testing.T, database string) { remove(t, database+"-wal") },
		"wal-replaced": func(t *testing.T, database string) { replace(t, database+"-wal") },
		"shm-removed":  func(t *testing.T, database string) { remove(t, database+"-shm") },
		"shm-replaced": func(t *testing.T, database string) { replace(t, database+"-shm") },
		"both-removed": func(t *testing.T, database string) { remove(t, database+"-wal"); remove(t, database+"-shm") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, t.TempDir(), removalUsers)
			f.removeUnderLoad(func() { change(t, f.Database) })
			f.restart()
			f.finishRemoval(name)
		})
	}
}

// Each fsync takes 1.5 s, so copying the WAL takes longer than the promised second. Ending late is better than
// losing what was acknowledged.
func TestWALRemovedOnSlowDisk(t *testing.T) {
	t.Parallel()
	f := newLossyFixture(t)
	f.wantAttributed("before")
	recoverDisk := f.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync}, Delay: 1500 * time.Millisecond})
	remove(t, f.Database+"-wal")
	f.waitEnd(time.Now(), maxSlowEnd)
	recoverDisk()
	f.restart()
	f.waitRecovered()
	f.finish("wal-removed-slow-disk")
}

// A command that finds no -shm creates one, and a process with the old one does not see its commits. So the
// server ends, and the next one sees the revocation.
func TestRevocationHoldsAfterIndexIsRemoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), users)
	f.wantAttributed("before")
	remove(t, f.Database+"-shm")
	removed := time.Now()
	var revoked []harness.User
	for range 4 {
		u := f.newUser()
		if _, err := f.Run(nil, "session", "revoke", u.Email); err != nil {
			t.Fatal(err)
		}
		revoked = append(revoked, u)
	}
	f.waitEnd(removed, maxEnd)
	f.restart()
	for range 6 {
		for _, u := range revoked {
			a, err := f.client.Attribute(t.Context(), f.srv.Address, u, f.code())
			if err != nil || a.Status != http.StatusUnauthorized {
				t.Errorf("a revoked session was answered %+v, %v", a, err)
			}
		}
	}
	f.wantAttributed("after")
	f.finish("shm-removed-and-revoked")
}

// removeUnderLoad removes or replaces files while users call, and waits until the server has ended.
func (f *fixture) removeUnderLoad(remove func()) {
	f.T.Helper()
	f.wantAttributed("before")
	var removed atomic.Bool
	var all sync.WaitGroup
	for range callers {
		all.Go(func() { f.callUntilEnd(&removed) })
	}
	harness.WaitFor(f.T, "some calls are attributed under load", func() bool { return f.attributed() >= 4*callers })
	remove()
	removed.Store(true)
	f.waitEnd(time.Now(), maxEnd)
	all.Wait()
	// With lookups that fail, no attempt is admitted that could be spooled.
	if _, spooled := f.ledger.Count("internal_error"); spooled+f.statuses[http.StatusServiceUnavailable] == 0 {
		f.T.Error("no attempt was spooled and no call was answered 503: this run proves nothing")
	}
}

// callUntilEnd calls until the server has ended. A call that is sent after the removal must not be
// acknowledged.
func (f *fixture) callUntilEnd(removed *atomic.Bool) {
	for u, ok := f.nextUser(users); ok; u, ok = f.nextUser(users) {
		after := removed.Load()
		a, err := f.call(context.WithoutCancel(f.T.Context()), u)
		if err == nil && a.Attributed && after {
			f.T.Error("a call that was sent after the removal was acknowledged")
		}
		select {
		case <-f.srv.Done():
			return
		case <-time.After(callEvery):
		}
	}
}

// waitEnd checks that the server ends by itself, in time, with exit code 1 and the message.
func (f *fixture) waitEnd(removed time.Time, bound time.Duration) {
	f.T.Helper()
	code := f.srv.Wait()
	f.recovered = time.Since(removed)
	if code != 1 || f.recovered > bound {
		f.T.Errorf("the server ended with %d after %s\n%s", code, f.recovered, f.srv.Log())
	}
	if !strings.Contains(f.srv.Log(), "database file was removed or replaced, stopping") {
		f.T.Errorf("the log does not say why the server ended:\n%s", f.srv.Log())
	}
}

// wantStartRejected starts the server as a service manager would. It must exit with 3 and create nothing.
func (f *fixture) wantStartRejected() {
	f.T.Helper()
	before := f.databaseSize()
	_, err := f.TryStartServer()
	var failed *harness.StartError
	if !errors.As(err, &failed) || failed.ExitCode != 3 {
		f.T.Errorf("the server must exit with 3: %v", err)
	}
	if after := f.databaseSize(); after != before {
		f.T.Errorf("the rejected server created a database: %d bytes, %d before", after, before)
	}
}

// databaseSize returns the size of the database file, -1 if there is none.
func (f *fixture) databaseSize() int64 {
	info, err := os.Stat(f.Database)
	if err != nil {
		return -1
	}
	return info.Size()
}

// restart starts the server as a service manager would.
func (f *fixture) restart() {
	f.T.Helper()
	f.logs += f.srv.Log()
	f.srv = f.StartServer()
}

// finishRemoval waits for the spool and checks everything.
func (f *fixture) finishRemoval(name string) {
	f.T.Helper()
	ended := f.recovered
	f.waitRecovered()
	f.wantAttributed("after")
	f.wantNoDeadLetters()
	f.recovered = ended
	f.finish(name)
}

// backup makes a backup of a database in which users are attributed.
func (f *fixture) backup() (file string) {
	f.T.Helper()
	f.wantAttributed("before the backup")
	file = filepath.Join(f.Dir, "backup.db")
	if _, err := f.Run(nil, "db", "backup", file); err != nil {
		f.T.Fatal(err)
	}
	f.backedUp = f.next
	return file
}

// sinceBackup reports whether a user has called after the backup. If the call was acknowledged before the
// removal, it is lost with the database file.
func (f *fixture) sinceBackup(id string) bool {
	return slices.ContainsFunc(f.Users[f.backedUp:f.next], func(u harness.User) bool { return u.ID == id })
}

// removeFiles removes what there is of the database, but not the spool.
func (f *fixture) removeFiles() {
	f.T.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(f.Database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			f.T.Fatal(err)
		}
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// replace renames an empty file over another.
func replace(t *testing.T, name string) {
	t.Helper()
	if err := os.WriteFile(name+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rename(t, name+".new", name)
}
