package sqlite

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/triport/triport-console/internal/referral"
)

// What Open may find, said with what to do next.
var (
	ErrNoDatabase  = errors.New("the database does not exist")
	ErrNotDatabase = errors.New("the file is not a database of this program")
	ErrNewerSchema = errors.New("the database was written by a newer version of this program: install that version, or restore a backup made before the upgrade")
	ErrOlderSchema = errors.New("the database has an older schema: bring it up to date with: triport-console db migrate")
	ErrEmpty       = errors.New("the file is empty: restore a backup, or make a new database of it with: triport-console db migrate")
)

// What the methods of a Store may answer, besides auth.ErrNotFound.
var (
	// ErrLocked says that another process held the write lock for too long.
	ErrLocked = errors.New("another process holds the write lock of the database")
	// ErrReplaced says that the database file was removed or replaced while it was open.
	ErrReplaced = errors.New("the database file was removed or replaced while it was open: put it back, or a backup in its place")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("the store is closed")
)

// What keeps a store from being mended, besides the above.
var (
	errLogBusy     = errors.New("another process reads the log of the database, which must be emptied first")
	errForeign     = errors.New("the file in the database's place cannot be opened")
	errReadersBusy = errors.New("a read has not ended yet")
	// errUnseen is no ErrReplaced: whoever put a backup in the place of a file that is well would lose what
	// came after the backup.
	errUnseen = errors.New("the database file cannot be looked at, and may be well and in its place")
	// errLogReplaced needs a person: two logs hold commits that belong to the same database.
	errLogReplaced = errors.New("the write-ahead log was removed while the database was open, and another process began a new one: end that process, stop this one, and restore a backup")
)

// fault is an error of SQLite, known by its code: the driver's own text may quote a statement.
type fault struct{ code int }

func (f fault) Error() string {
	words := sqlite.ErrorCodeString[f.primary()]
	if name := sqlite.ErrorCodeString[f.code]; f.code != f.primary() && name != "" {
		words += " " + name // the driver has no words for these
	}
	if words != "" {
		return words
	}
	return fmt.Sprintf("SQLite error %d", f.code)
}

func (f fault) primary() int { return f.code & 0xff }

// translate turns an error of the driver into one of this package, once, at the store's edge.
func translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	f := fault{e.Code()}
	if f.primary() == sqlite3.SQLITE_NOTADB {
		return ErrNotDatabase
	}
	return f
}

func hasCode(err error, codes ...int) bool {
	var f fault
	if !errors.As(err, &f) {
		return false
	}
	for _, c := range codes {
		if f.primary() == c {
			return true
		}
	}
	return false
}

// isBusy tells whether another process holds a lock.
func isBusy(err error) bool { return hasCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) }

// isRefused tells whether the schema refused a row: an error of the row, not of the store.
func isRefused(err error) bool {
	return hasCode(err, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)
}

// isFull tells whether the disk has no room. Nothing is wrong with what is on it.
func isFull(err error) bool { return hasCode(err, sqlite3.SQLITE_FULL) }

// isDamage tells whether what was read cannot be right, or could not be read.
func isDamage(err error) bool {
	var f fault
	if errors.As(err, &f) && f.primary() == sqlite3.SQLITE_IOERR {
		switch f.code {
		case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
			return true
		}
	}
	return hasCode(err, sqlite3.SQLITE_CORRUPT) || errors.Is(err, ErrNotDatabase)
}

// isSick tells whether the disk refused what the store needs: after that nobody knows what it holds.
func isSick(err error) bool {
	return !isDamage(err) && hasCode(err, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM)
}

// unseen says why a name could not be looked up.
func unseen(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrReplaced
	}
	return fmt.Errorf("%w: %w", errUnseen, referral.WithoutPath(err))
}

// isAway tells whether the file that is open is not known to be the one in its place.
func isAway(err error) bool { return errors.Is(err, ErrReplaced) || errors.Is(err, errUnseen) }

// notYours adds the way out to an error that a user meets who may not write beside the database: in
// WAL mode a reader needs its companions too.
func notYours(err error) error {
	if hasCode(err, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) {
		return fmt.Errorf("%w: run this as the owner of the database, who may write in its folder", err)
	}
	return err
}
