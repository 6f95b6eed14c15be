package disks

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestADatabaseThatIsMovedAwayAndBackLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	away := h.Database + ".away"
	move(t, h.Database, away)
	h.sick()
	h.notAcknowledged(crowd)
	move(t, away, h.Database)
	h.heals()
	h.well("after")
	h.settle("moved-away")
}

// TestAFolderThatIsMovedAwayAndBackLosesNothing leaves no place for the spool either.
func TestAFolderThatIsMovedAwayAndBackLosesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, dir)
	h.well("before")
	move(t, dir, dir+".away")
	h.sick()
	h.notAcknowledged(crowd)
	move(t, dir+".away", dir)
	h.heals()
	h.well("after")
	h.settle("folder-moved-away")
}

// TestADatabaseThatIsRemovedIsReplacedByItsBackup removes all of the database, as an operator does who
// makes room for a backup, and puts the backup in its place a while later.
func TestADatabaseThatIsRemovedIsReplacedByItsBackup(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	backup := h.backup()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(h.Database + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	h.sick()
	h.notAcknowledged(crowd)
	move(t, backup, h.Database)
	h.heals()
	h.well("after")
	h.settle("removed")
}

// TestADatabaseThatIsReplacedByItsBackupGoesOn moves a backup over the database in one step, beside the
// companions of the old one.
func TestADatabaseThatIsReplacedByItsBackupGoesOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	backup := h.backup()
	if _, err := h.Run(nil, "code", "set", h.People[0].Email, "since-the-backup"); err != nil {
		t.Fatal(err) // so that the WAL of the old file holds what the backup does not
	}
	move(t, backup, h.Database)
	h.wave()
	h.heals()
	h.well("after")
	h.settle("replaced")
}

func (h *house) backup() (file string) {
	h.T.Helper()
	file = filepath.Join(h.Dir, "backup.db")
	if _, err := h.Run(nil, "db", "backup", file); err != nil {
		h.T.Fatal(err)
	}
	return file
}

// notAcknowledged says that no more than n calls have been acknowledged so far.
func (h *house) notAcknowledged(n int) {
	h.T.Helper()
	if _, acked := h.ledger.Count("attributed"); acked > n {
		h.T.Errorf("%d calls were acknowledged with no database to keep them", acked-n)
	}
}

// TestADamagedPageIsNoWrongAnswer damages the table of the codes, and makes the server look at it.
func TestADamagedPageIsNoWrongAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	repair := h.damage("codes")
	h.sick()
	h.notAcknowledged(crowd)
	if _, err := h.Run(nil, "db", "check"); harness.ExitCode(err) != 4 && harness.ExitCode(err) != 1 {
		t.Errorf("db check says %v", err)
	}
	repair()
	h.heals()
	h.well("after")
	h.settle("damaged-page")
}

// damage overwrites the root page of a table and returns what puts it back.
func (h *house) damage(table string) (repair func()) {
	h.T.Helper()
	db := h.Open()
	defer func() { _ = db.Close() }()
	var root, size int64
	if err := db.QueryRow(`SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?`, table).Scan(&root, &size); err != nil {
		h.T.Fatal(err)
	}
	var busy, frames, moved int // all pages are in the file itself, none in the WAL
	if err := db.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil || busy != 0 {
		h.T.Fatalf("the checkpoint: busy %d, %v", busy, err)
	}
	f, err := os.OpenFile(h.Database, os.O_RDWR, 0)
	if err != nil {
		h.T.Fatal(err)
	}
	h.T.Cleanup(func() { _ = f.Close() })
	old := make([]byte, size)
	_, err = f.ReadAt(old, (root-1)*size)
	_, werr := f.WriteAt(bytes.Repeat([]byte{0xff}, int(size)), (root-1)*size)
	if err := errors.Join(err, werr); err != nil {
		h.T.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = 0`); err != nil { // a commit, so that the server forgets the pages it has
		h.T.Fatal(err)
	}
	return func() {
		if _, err := f.WriteAt(old, (root-1)*size); err != nil {
			h.T.Error(err)
		}
	}
}

// TestABrokenLineOfTheSpoolHoldsNobodyUp breaks one line among those that wait, and adds rubbish.
func TestABrokenLineOfTheSpoolHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	db := h.Open()
	defer func() { _ = db.Close() }()
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	h.wave()
	h.onlyOK()
	broken := h.breakALine()
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	h.heals()
	kept, err := os.ReadFile(h.Database + ".spool.bad")
	if err != nil || !bytes.Contains(kept, broken) || !bytes.Contains(kept, []byte("\x00rubbish")) {
		t.Errorf("the broken lines were not kept: %q, %v", kept, err)
	}
	mended := bytes.Replace(broken, []byte{'#'}, []byte{'{'}, 1)
	if _, err := h.Run(mended, "referral", "replay", "--from", "-"); err != nil {
		t.Fatal(err)
	}
	h.well("after")
	h.settle("broken-line")
}

// breakALine replaces the first byte of the first line that waits, and adds a line that is none. A drain
// may have cut a segment off: it is broken wherever it lies.
func (h *house) breakALine() (broken []byte) {
	h.T.Helper()
	for _, name := range []string{h.Database + ".spool.1", h.Database + ".spool"} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			h.T.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		b, err := os.ReadFile(name)
		if err != nil {
			h.T.Fatal(err)
		}
		_, err = f.WriteAt([]byte{'#'}, 0)
		_, aerr := f.WriteAt([]byte("\x00rubbish\n"), int64(len(b)))
		if err := errors.Join(err, aerr); err != nil {
			h.T.Fatal(err)
		}
		line, _, _ := bytes.Cut(b, []byte{'\n'})
		return append([]byte{'#'}, line[1:]...)
	}
	h.T.Fatal("nothing waits in the spool")
	return nil
}

// TestARevocationHoldsWithoutTheIndexOfTheLog: a command that finds no index makes one, and whoever still has
// the old one does not see what is committed by the new.
func TestARevocationHoldsWithoutTheIndexOfTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t, t.TempDir())
	h.well("before")
	if err := os.Remove(h.Database + "-shm"); err != nil {
		t.Fatal(err)
	}
	revoked := h.People[h.next : h.next+4]
	h.next += len(revoked)
	for _, p := range revoked {
		if _, err := h.Run(nil, "session", "revoke", p.Email); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 * len(revoked) {
		a, err := h.client.Attribute(t.Context(), h.srv.Address, revoked[i%len(revoked)], h.code())
		if err != nil || a.Status != http.StatusUnauthorized {
			t.Errorf("a revoked session was answered %+v, %v", a, err)
		}
	}
	h.well("at once")
	h.settle("index removed")
}
