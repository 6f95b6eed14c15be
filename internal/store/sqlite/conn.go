package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"modernc.org/sqlite"
)

// conn is one connection to the database, used at driver level: a prepared statement is executed
// without database/sql between, which costs a third of the time of the short statements here. It is
// not safe for concurrent use.
type conn struct {
	raw     driver.Conn
	stmts   map[string]driver.Stmt
	named   []driver.NamedValue // reused: the driver copies what it binds
	spoiled bool                // it met an error after which it must not be used again
}

// pragma is a setting of a connection. All of them stand in the DSN, so that no connection can be
// without them, and are read back, because another spelling would be ignored without a word.
type pragma struct{ name, value, readBack string }

func pragmas(write bool) []pragma {
	ps := []pragma{
		// In milliseconds, for a lock that another process holds for a moment: recovery after a crash,
		// or the last connection's closing checkpoint. First, for the ones below may have to wait.
		{"busy_timeout", "1500", "1500"},
		{"foreign_keys", "on", "1"},
		{"recursive_triggers", "on", "1"}, // INSERT OR REPLACE must not slip past the triggers of events
		{"trusted_schema", "off", "0"},
	}
	if !write {
		return append(ps, pragma{"query_only", "on", "1"})
	}
	return append(ps,
		pragma{"fullfsync", "on", "1"}, // on macOS a plain fsync leaves data in the drive's cache
		pragma{"checkpoint_fullfsync", "on", "1"},
		pragma{"journal_mode", "wal", "wal"},
		pragma{"synchronous", "full", "2"}, // an answer is given after the fsync; with batches it costs 4 % over normal
		// After a checkpoint that a long reader held up, the WAL shrinks back to this many bytes.
		pragma{"journal_size_limit", "16777216", "16777216"},
	)
}

// access says what a connection may do, in the words of SQLite's URI parameter mode.
type access string

const (
	accessRead   access = "ro" // waits for nobody and changes nothing
	accessShared access = "rw" // reads, but may create the WAL's index where no other process has it open
	// accessAlone reads the file by itself, as if nothing stood beside it and nobody changed it.
	accessAlone access = "ro&immutable=1"
)

func dsn(path string, mode access, ps []pragma) string {
	q := url.Values{"_dqs": {"0"}, "_error_rc": {"1"}}
	for _, p := range ps {
		q.Add("_pragma", p.name+"="+p.value)
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: "mode=" + string(mode) + "&" + q.Encode()}).String()
}

func openConn(path string, write bool) (*conn, error) {
	return openAs(path, accessShared, pragmas(write))
}

func openAs(path string, mode access, ps []pragma) (*conn, error) {
	var d sqlite.Driver
	raw, err := d.Open(dsn(path, mode, ps))
	if err != nil {
		return nil, translate(err)
	}
	c := &conn{raw: raw, stmts: make(map[string]driver.Stmt)}
	for _, p := range ps {
		if err := c.assert(p); err != nil {
			c.discard()
			return nil, err
		}
	}
	return c, nil
}

// openWriter opens a connection that writes, and tells where. From then on whoever uses it does the
// waiting for a lock: SQLite's own steps grow to 100 ms, long enough to be overtaken for ever by a
// process that commits one batch after the other. The writer checkpoints too; SQLite does so only for
// a log that other processes have made four times as long, about 16 MB.
func openWriter(path string) (*conn, place, error) {
	opened, err := os.Stat(path)
	if err != nil {
		return nil, place{}, unseen(err)
	}
	c, err := openConn(path, true)
	if err != nil {
		return nil, place{}, err
	}
	var p place
	if err = c.touch(); err == nil {
		p, err = settle(path, opened)
	}
	for _, setting := range []string{"PRAGMA busy_timeout = 0", "PRAGMA wal_autocheckpoint = 4000"} {
		if err == nil {
			_, err = c.exec(setting)
		}
	}
	if err != nil {
		c.discard()
		return nil, place{}, err
	}
	return c, p, nil
}

// touch reads, which opens or makes what stands beside the database.
func (c *conn) touch() error {
	return c.once("SELECT count(*) FROM sqlite_schema", func(row) {})
}

// emptyLog copies all of the log into the database, brings that to disk, and begins the log anew. The
// error is errLogBusy while another process reads or writes.
func (c *conn) emptyLog() error {
	busy := false
	err := c.once("PRAGMA wal_checkpoint(TRUNCATE)", func(r row) { busy = r.int(0) != 0 })
	if err == nil && busy {
		err = errLogBusy
	}
	return err
}

// patient has f wait a moment for locks that others hold.
func (c *conn) patient(f func() error) error {
	if _, err := c.exec("PRAGMA busy_timeout = 250"); err != nil {
		return err
	}
	err := f()
	if _, end := c.exec("PRAGMA busy_timeout = 0"); err == nil {
		err = end
	}
	return err
}

func (c *conn) assert(p pragma) error {
	var got string
	err := c.once("PRAGMA "+p.name, func(r row) { got = fmt.Sprint(r[0]) })
	if err != nil {
		return fmt.Errorf("read back pragma %s: %w", p.name, err)
	}
	if got != p.readBack {
		return fmt.Errorf("pragma %s is %q instead of %q: this file system or this build of SQLite does not allow it", p.name, got, p.readBack)
	}
	return nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// discard closes a connection that is not needed any more, or cannot be trusted. What went wrong with
// it was told before, and its statements repeat it.
func (c *conn) discard() { _ = c.close() }

// failed translates an error and remembers when the connection is no good after it: SQLite's page cache
// keeps a damaged page for as long as nobody writes, and what it opened on a sick disk stays read-only.
func (c *conn) failed(err error) error {
	if err == nil {
		return nil
	}
	err = translate(err)
	if isSick(err) || isDamage(err) {
		c.spoiled = true
	}
	return err
}

func (c *conn) prepare(query string) (driver.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.raw.Prepare(query)
	if err != nil {
		return nil, c.failed(err)
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.named = c.named[:0]
	for i, a := range args {
		c.named = append(c.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.named
}

// exec runs a statement, prepared once per connection, and returns how many rows it changed. query
// is a constant: the connection keeps its statement for ever.
func (c *conn) exec(query string, args ...driver.Value) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := s.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.failed(err)
	}
	return res.RowsAffected()
}

// query calls each for every row of the result, in order, until it returns an error.
func (c *conn) query(each func(row) error, query string, args ...driver.Value) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	return c.run(s, args, each)
}

// one reads the only row of a result into get, and tells whether there was one.
func (c *conn) one(get func(row), query string, args ...driver.Value) (found bool, err error) {
	err = c.query(func(r row) error {
		get(r)
		found = true
		return io.EOF
	}, query, args...)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return found, err
}

// once runs a statement that is not worth keeping prepared.
func (c *conn) once(query string, each func(row), args ...driver.Value) (err error) {
	s, err := c.raw.Prepare(query)
	if err != nil {
		return c.failed(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return c.run(s, args, func(r row) error { each(r); return nil })
}

func (c *conn) run(s driver.Stmt, args []driver.Value, each func(row) error) (err error) {
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return c.failed(err)
	}
	defer func() {
		if end := rows.Close(); err == nil {
			err = c.failed(end)
		}
	}()
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(dest); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return c.failed(err)
		}
		if err := each(dest); err != nil {
			return err
		}
	}
}

// snapshot runs f inside one read transaction: all it reads is of one moment.
func (c *conn) snapshot(f func() error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	err := f()
	if _, end := c.exec("ROLLBACK"); err == nil {
		err = end
	}
	return err
}
