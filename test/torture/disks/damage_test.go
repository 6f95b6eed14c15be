package disks

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

// The root page of the table of codes is overwritten, and the server has to read it.
func TestDamagedPageGivesNoWrongAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), users)
	f.wantAttributed("before")
	repair := f.damage("codes")
	f.callUntilUnready()
	if n := f.attributed(); n > callers {
		t.Errorf("%d calls were acknowledged without the table of codes", n-callers)
	}
	if _, err := f.Run(nil, "db", "check"); harness.ExitCode(err) != 4 {
		t.Errorf("db check: %v", err)
	}
	repair()
	f.waitRecovered()
	f.wantAttributed("after")
	f.finish("damaged-page")
}

// damage overwrites the root page of a table. repair restores it.
func (f *fixture) damage(table string) (repair func()) {
	f.T.Helper()
	db := f.Open()
	defer func() { _ = db.Close() }()
	var root, size int64
	if err := db.QueryRow(`SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?`, table).Scan(&root, &size); err != nil {
		f.T.Fatal(err)
	}
	var busy, frames, moved int // afterwards all pages are in the file itself, none in the WAL
	if err := db.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil || busy != 0 {
		f.T.Fatalf("checkpoint: busy %d, %v", busy, err)
	}
	file, err := os.OpenFile(f.Database, os.O_RDWR, 0)
	if err != nil {
		f.T.Fatal(err)
	}
	f.T.Cleanup(func() { _ = file.Close() })
	old := make([]byte, size)
	_, err = file.ReadAt(old, (root-1)*size)
	_, werr := file.WriteAt(bytes.Repeat([]byte{0xff}, int(size)), (root-1)*size)
	if err := errors.Join(err, werr); err != nil {
		f.T.Fatal(err)
	}
	if _, err := db.Exec(`PRAGMA user_version = 0`); err != nil { // a commit, so the server drops its cached pages
		f.T.Fatal(err)
	}
	return func() {
		if _, err := file.WriteAt(old, (root-1)*size); err != nil {
			f.T.Error(err)
		}
	}
}

// One line of the spool is broken, and one is added that is no attempt.
func TestMalformedSpoolLineGoesToDeadLetterFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t, t.TempDir(), users)
	f.wantAttributed("before")
	db := f.Open()
	defer func() { _ = db.Close() }()
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	f.callAll()
	f.wantOnly200()
	broken := f.breakSpoolLine()
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	f.waitRecovered()
	kept, err := os.ReadFile(f.Database + ".spool.bad")
	if err != nil || !bytes.Contains(kept, broken) || !bytes.Contains(kept, []byte("\x00garbage")) {
		t.Errorf("the malformed lines were not kept: %q, %v", kept, err)
	}
	repaired := bytes.Replace(broken, []byte{'#'}, []byte{'{'}, 1)
	if _, err := f.Run(repaired, "referral", "replay", "--from", "-"); err != nil {
		t.Fatal(err)
	}
	f.wantAttributed("after")
	f.finish("malformed-spool-line")
}

// breakSpoolLine replaces the first byte of the first spooled line, and appends a line that is no
// attempt. A drain may have renamed the spool to a segment.
func (f *fixture) breakSpoolLine() (broken []byte) {
	f.T.Helper()
	for _, name := range []string{f.Database + ".spool.1", f.Database + ".spool"} {
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			f.T.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		b, err := os.ReadFile(name)
		if err != nil {
			f.T.Fatal(err)
		}
		_, err = file.WriteAt([]byte{'#'}, 0)
		_, aerr := file.WriteAt([]byte("\x00garbage\n"), int64(len(b)))
		if err := errors.Join(err, aerr); err != nil {
			f.T.Fatal(err)
		}
		line, _, _ := bytes.Cut(b, []byte{'\n'})
		return append([]byte{'#'}, line[1:]...)
	}
	f.T.Fatal("the spool is empty")
	return nil
}
