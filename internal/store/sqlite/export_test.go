package sqlite

import (
	"context"
	"errors"

	sqlite3 "modernc.org/sqlite/lib"
)

// ExecForTest runs a statement on the connection that writes, with everything a real one enforces.
func ExecForTest(path, statement string) (err error) {
	c, err := openConn(path, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	_, err = c.exec(statement)
	return err
}

// RefusedForTest tells whether an error is the schema's refusal of a row.
func RefusedForTest(err error) bool { return isRefused(err) }

// UnwritableForTest pretends that writing has failed for as long as NotReady waits.
func (s *Store) UnwritableForTest(cause error) {
	s.health.note(cause)
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.failing = s.health.failing.Add(-unwritableAfter)
}

// HoldReadersForTest keeps every connection that reads busy, as a disk that hangs would, until release.
func (s *Store) HoldReadersForTest() (release func()) {
	var held []*conn
	for range maxReaders {
		held = append(held, <-s.readers)
	}
	return func() {
		for _, c := range held {
			s.readers <- c
		}
	}
}

// FullForTest keeps the database from growing, as a full disk does, until the room is given back.
func (s *Store) FullForTest(ctx context.Context) (room func()) {
	limit := func(statement string) {
		err := s.write(ctx, func(c *conn) error { return c.once(statement, func(row) {}) })
		if err != nil {
			panic(err)
		}
	}
	limit("PRAGMA max_page_count = 1") // SQLite takes the present size when that is more
	return func() { limit("PRAGMA max_page_count = 1073741823") }
}

// FailForTest has a transaction fail as an fsync does.
func (s *Store) FailForTest(ctx context.Context) {
	if err := s.write(ctx, func(*conn) error { return fault{sqlite3.SQLITE_IOERR_FSYNC} }); err == nil {
		panic("it did not fail")
	}
}
