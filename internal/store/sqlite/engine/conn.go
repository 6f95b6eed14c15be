package engine

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	"modernc.org/sqlite"
)

// Conn is one connection, not for concurrent use. database/sql would cost a third of the time of short statements.
type Conn struct {
	raw     driver.Conn
	ctx     context.Context // ends a query that reads; Background costs no goroutine
	stmts   map[string]*stmt
	named   []driver.NamedValue // reused: the driver copies what it binds
	spoiled bool                // must not be used again
}

// stmt is a prepared statement and a row buffer.
type stmt struct {
	driver.Stmt
	values []driver.Value
}

// pragma is a setting in the DSN. SQLite ignores a misspelled one silently, so it is read back.
type pragma struct{ name, value, readBack string }

func pragmas(write bool) []pragma {
	ps := []pragma{
		// Milliseconds, for another process that recovers or closes last. First: the pragmas below may wait.
		{"busy_timeout", "1500", "1500"},
		{"foreign_keys", "on", "1"},
		{"recursive_triggers", "on", "1"}, // INSERT OR REPLACE must not bypass DELETE triggers
		{"trusted_schema", "off", "0"},
	}
	if !write {
		return append(ps, pragma{"query_only", "on", "1"})
	}
	return append(ps,
		pragma{"fullfsync", "on", "1"}, // macOS: a plain fsync leaves data in the drive's cache
		pragma{"checkpoint_fullfsync", "on", "1"},
		pragma{"journal_mode", "wal", "wal"},
		pragma{"synchronous", "full", "2"},                   // with batches 4 % slower than normal
		pragma{"journal_size_limit", "16777216", "16777216"}, // bytes of the WAL after a delayed checkpoint
	)
}

// access is SQLite's URI parameter mode.
type access string

const (
	accessRead   access = "ro" // changes nothing, not even at close
	accessShared access = "rw" // creates the -shm file if needed
)

// DSN returns the address for a connection that writes.
func DSN(path string) string { return dsn(path, accessShared, pragmas(true)) }

func dsn(path string, mode access, ps []pragma) string {
	q := url.Values{"_dqs": {"0"}, "_error_rc": {"1"}}
	for _, p := range ps {
		q.Add("_pragma", p.name+"="+p.value)
	}
	query := "mode=" + string(mode) + "&" + q.Encode()
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query}).String()
}

// ReadFile runs f in a read transaction on its own connection. It needs no open DB.
func ReadFile(path string, f func(*Conn) error) (err error) {
	c, err := openConn(path, accessShared, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return c.snapshot(f)
}

func openConn(path string, mode access, write bool) (*Conn, error) {
	ps := pragmas(write)
	var d sqlite.Driver
	raw, err := d.Open(dsn(path, mode, ps))
	if err != nil {
		return nil, Translate(err)
	}
	c := &Conn{raw: raw, ctx: context.Background(), stmts: make(map[string]*stmt)}
	for _, p := range ps {
		var got any
		err := c.Pragma(p.name, &got)
		if err == nil && fmt.Sprint(got) != p.readBack {
			err = fmt.Errorf("it is %v instead of %q: this file system or this build of SQLite does not allow it",
				got, p.readBack)
		}
		if err != nil {
			c.discard()
			return nil, fmt.Errorf("read back pragma %s: %w", p.name, err)
		}
	}
	return c, nil
}

func (c *Conn) close() (err error) {
	for _, s := range c.stmts {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.raw.Close())
}

// discard closes a connection whose error does not matter.
func (c *Conn) discard() {
	if c != nil {
		_ = c.close()
	}
}

// markSpoiled translates an error and marks a useless connection: its cache keeps a damaged page, and files opened on a
// failed disk stay read-only.
func (c *Conn) markSpoiled(err error) error {
	err = Translate(err)
	c.spoiled = c.spoiled || isFailure(err) || kindOf(err) == damaged
	return err
}

func (c *Conn) prepare(sql string) (*stmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	raw, err := c.raw.Prepare(sql)
	if err != nil {
		return nil, c.markSpoiled(err)
	}
	s := &stmt{Stmt: raw}
	c.stmts[sql] = s
	return s, nil
}

func (c *Conn) bind(args []driver.Value) []driver.NamedValue {
	c.named = c.named[:0]
	for i, a := range args {
		c.named = append(c.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.named
}

// Exec returns how many rows the statement changed. sql must be a constant: it stays prepared.
func (c *Conn) Exec(sql string, args ...driver.Value) (changed int64, err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, err
	}
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.bind(args))
	if err != nil {
		return 0, c.markSpoiled(err)
	}
	return res.RowsAffected()
}

// Pragma scans the row of a pragma. SQLite applies some pragmas while it prepares them, so none stays prepared.
func (c *Conn) Pragma(pragma string, dest ...any) (err error) {
	raw, err := c.raw.Prepare("PRAGMA " + pragma)
	if err != nil {
		return c.markSpoiled(err)
	}
	defer func() { err = errors.Join(err, raw.Close()) }()
	return c.run(&stmt{Stmt: raw}, nil, func() error { return nil }, dest)
}

func (c *Conn) run(s *stmt, args []driver.Value, each func() error, dest []any) (err error) {
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(c.ctx, c.bind(args))
	if err != nil {
		return c.markSpoiled(err)
	}
	defer func() {
		if end := rows.Close(); err == nil && end != nil {
			err = c.markSpoiled(end)
		}
	}()
	if s.values == nil {
		s.values = make([]driver.Value, len(rows.Columns()))
	}
	for {
		if err := rows.Next(s.values); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return c.markSpoiled(err)
		}
		if err := scan(s.values, dest); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// snapshot runs f in one read transaction.
func (c *Conn) snapshot(f func(*Conn) error) error {
	if _, err := c.Exec("BEGIN"); err != nil {
		return err
	}
	err := f(c)
	_, end := c.Exec("ROLLBACK")
	return cmp.Or(err, end)
}
