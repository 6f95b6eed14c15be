package sqlite

import (
	"context"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// HoldReaders keeps every connection that reads busy, as a disk that hangs would, until release.
func (s *Store) HoldReaders() (release func()) {
	const readers = 4
	held, done := make(chan struct{}), make(chan struct{})
	for range readers {
		go func() {
			_ = s.Read(context.Background(), func(*engine.Conn) error {
				held <- struct{}{}
				<-done
				return nil
			})
		}()
	}
	for range readers {
		<-held
	}
	return func() { close(done) }
}

// FillDisk keeps the database from growing, as a full disk does, until the room is given back.
func (s *Store) FillDisk(ctx context.Context) (room func()) {
	limit := func(pragma string) {
		if err := s.WriteAlone(ctx, func(c *engine.Conn) error { return c.Pragma(pragma) }); err != nil {
			panic(err)
		}
	}
	limit("max_page_count = 1") // SQLite takes the present size if that is more
	return func() { limit("max_page_count = 1073741823") }
}

// FailFsync has a transaction fail as an fsync does.
func (s *Store) FailFsync(ctx context.Context) {
	err := s.WriteAlone(ctx, func(*engine.Conn) error { return engine.Error{Code: sqlite3.SQLITE_IOERR_FSYNC} })
	if err == nil {
		panic("it did not fail")
	}
}
