package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Version is the version of the SQLite library.
const Version = sqlite3.SQLITE_VERSION

// Errors of this package. Others are of type Error.
var (
	ErrNotDatabase = errors.New("the file is not a database of this program")
	ErrReadOnly    = errors.New("the database was opened to read only")
	ErrLocked      = errors.New("another process holds the write lock of the database")
	ErrQueueFull   = errors.New("too many writes wait for the database")
	ErrReplaced    = errors.New("the database file, its -wal or its -shm was removed or replaced while it was open")
	ErrClosed      = errors.New("the database is closed")

	// These delay a recovery. A file that cannot be checked may be in its place: a backup put over it would
	// lose commits.
	errWALBusy     = errors.New("another process reads the write-ahead log, which must be emptied first")
	errReadersBusy = errors.New("a read has not ended yet")
	errUnseen      = errors.New("the database file cannot be checked, and may be in its place")
)

// Error is an error of SQLite, known by its code only: the driver's own text may quote a statement.
type Error struct{ Code int }

// Error returns SQLite's words for the code.
func (e Error) Error() string {
	words := cmp.Or(sqlite.ErrorCodeString[e.primary()], fmt.Sprintf("SQLite error %d", e.Code))
	if e.Code != e.primary() {
		words += " " + sqlite.ErrorCodeString[e.Code] // extended codes have a name, but no words
	}
	return strings.TrimSpace(words)
}

func (e Error) primary() int { return e.Code & 0xff }

// Translate turns an error of the driver into one of this package.
func Translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	if t := (Error{e.Code()}); t.primary() != sqlite3.SQLITE_NOTADB {
		return t
	}
	return ErrNotDatabase
}

// hasCode reports whether err has one of the primary codes.
func hasCode(err error, codes ...int) bool {
	var e Error
	return errors.As(err, &e) && slices.Contains(codes, e.primary())
}

func isBusy(err error) bool { return hasCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) }
func isFull(err error) bool { return hasCode(err, sqlite3.SQLITE_FULL) }

// IsConstraint reports whether the schema rejected a row: an error of the row, not of the database.
func IsConstraint(err error) bool {
	return hasCode(err, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)
}

// IsPermission reports whether the user of this process may not write to the database or its directory. In WAL
// mode a reader needs that too.
func IsPermission(err error) bool {
	return hasCode(err, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) || errors.Is(err, fs.ErrPermission)
}

// IsCorrupt reports whether SQLite found the file malformed.
func IsCorrupt(err error) bool { return hasCode(err, sqlite3.SQLITE_CORRUPT) }

// IsDamage reports whether a page could not be read, or cannot be right.
func IsDamage(err error) bool {
	var e Error
	unread := []int{sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA}
	return errors.As(err, &e) && slices.Contains(unread, e.Code) || IsCorrupt(err) || errors.Is(err, ErrNotDatabase)
}

// isFailure reports whether the disk denied what the database needs: now its content is unknown.
func isFailure(err error) bool {
	return !IsDamage(err) && hasCode(err, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_PERM)
}

// Hint returns what an operator does about an error of the database.
func Hint(err error) string {
	switch {
	case isFull(err):
		return "free space on the database's disk"
	case errors.Is(err, errWALBusy), errors.Is(err, ErrLocked), isBusy(err):
		return "wait for the other process that uses the database, or stop it"
	case IsDamage(err):
		return "check the disk, run db check, and restore a backup if it reports damage"
	case IsPermission(err):
		return "make the database and its directory writable for the user of this process"
	}
	return "check the database's disk and the system log"
}
