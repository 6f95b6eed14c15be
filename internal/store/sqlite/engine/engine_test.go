package engine

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// newFile creates a database with a table t (n).
func newFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	execute(t, path, `CREATE TABLE t (n INTEGER UNIQUE) STRICT`)
	return path
}

// execute runs a statement as another process would.
func execute(t testing.TB, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// newDB opens a new database.
func newDB(t testing.TB, opt Options) (*DB, string) {
	t.Helper()
	path := newFile(t)
	opt.Probe, opt.Report = `SELECT n FROM t LIMIT 1`, func(error, bool) {}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	db, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db, path
}

func insert(n int64) func(*Conn) error {
	return func(c *Conn) error {
		_, err := c.Exec(`INSERT INTO t VALUES (?1)`, n)
		return err
	}
}

func count(t testing.TB, db *DB) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(c *Conn) error {
		_, err := c.Query(`SELECT count(*) FROM t`).One(&n)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// holdWriter occupies the writer until release.
func holdWriter(t testing.TB, db *DB) (release func()) {
	t.Helper()
	held, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- db.WriteAlone(t.Context(), func(*Conn) error {
			close(held)
			<-end
			return nil
		})
	}()
	<-held
	return func() {
		t.Helper()
		close(end)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestConnectionsHaveTheirSettings(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	want := map[string]int64{
		"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1, "foreign_keys": 1, "recursive_triggers": 1,
		"trusted_schema": 0, "query_only": 0, "busy_timeout": 0,
	}
	check := func(c *Conn) error {
		for name, value := range want {
			var got int64
			if err := c.Pragma(name, &got); err != nil || got != value {
				t.Errorf("%s is %d instead of %d: %v", name, got, value, err)
			}
		}
		return nil
	}
	if err := db.WriteAlone(t.Context(), check); err != nil {
		t.Error(err)
	}
	want = map[string]int64{"foreign_keys": 1, "trusted_schema": 0, "query_only": 1, "busy_timeout": 1500}
	if err := db.Read(t.Context(), check); err != nil {
		t.Error(err)
	}
}

func TestOpenRejectsSettingsThatSQLiteDoesNotTake(t *testing.T) {
	t.Parallel()
	// A memory database has no WAL.
	if _, err := openConn(":memory:", "memory", true); err == nil {
		t.Error("opened without a WAL")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	if err := db.Read(t.Context(), insert(1)); err == nil {
		t.Error("a reader wrote")
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestReadOnlyDatabaseRejectsWrites(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{ReadOnly: true})
	if err := db.Write(t.Context(), insert(1)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Write: %v", err)
	}
	if err := db.WriteAlone(t.Context(), insert(1)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("WriteAlone: %v", err)
	}
}

func TestLastCloseRemovesTheCompanions(t *testing.T) {
	t.Parallel()
	db, path := newDB(t, Options{})
	if err := db.Write(t.Context(), insert(1)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{walSuffix, shmSuffix} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", suffix, err)
		}
	}
}
