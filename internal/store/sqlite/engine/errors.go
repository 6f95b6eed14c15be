package engine

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrNotDatabase says that the file is not an SQLite database.
	ErrNotDatabase = errors.New("the file is not a database of this program")
	// ErrReadOnly says that the database was opened to read only.
	ErrReadOnly = errors.New("the database was opened to read only")
	// ErrLocked says that another process held the write lock for too long.
	ErrLocked = errors.New("another process holds the write lock of the database")
	// ErrQueueFull says that too many functions wait for the writer.
	ErrQueueFull = errors.New("too many writes wait for the database")
	// ErrReplaced says that a file of the database was removed or replaced while it was open.
	ErrReplaced = errors.New("the database file, its -wal or its -shm was removed or replaced while it was open")
	// ErrClosed says that the database has been closed.
	ErrClosed = errors.New("the database is closed")
)

// What delays a recovery, besides errors of the disk.
var (
	errWALBusy     = errors.New("another process reads the write-ahead log, which must be emptied first")
	errReadersBusy = errors.New("a read has not ended yet")
	// errUnseen is not ErrReplaced: the file may be in its place, and a backup put over it would lose commits.
	errUnseen = errors.New("the database file cannot be checked, and may be in its place")
)

// Error is an error of SQLite, known by its code only: the driver's own text may quote a statement.
type Error struct{ Code int }

// Error returns SQLite's words for the code.
func (e Error) Error() string {
	words := sqlite.ErrorCodeString[e.primary()]
	if name := sqlite.ErrorCodeString[e.Code]; e.Code != e.primary() && name != "" {
		words += " " + name // extended codes have a name, but no words
	}
	if words != "" {
		return words
	}
	return fmt.Sprintf("SQLite error %d", e.Code)
}

func (e Error) primary() int { return e.Code & 0xff }

// Translate turns an error of the driver into one of this package.
func Translate(err error) error { return translate(err) }

func translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	if t := (Error{e.Code()}); t.primary() != sqlite3.SQLITE_NOTADB {
		return t
	}
	return ErrNotDatabase
}

func hasCode(err error, codes ...int) bool {
	var e Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.primary() == c {
			return true
		}
	}
	return false
}

// isBusy reports whether another process holds a lock.
func isBusy(err error) bool { return hasCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) }

// isFull reports whether the disk is full. What is on it is intact.
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
	if errors.As(err, &e) {
		switch e.Code {
		case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
			return true
		}
	}
	return IsCorrupt(err) || errors.Is(err, ErrNotDatabase)
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
	case errors.Is(err, ErrReplaced):
		return "restart the server; restore a backup first if the file is gone"
	case IsDamage(err):
		return "check the disk, run db check, and restore a backup if it reports damage"
	case IsPermission(err):
		return "make the database and its directory writable for the user of this process"
	}
	return "check the database's disk and the system log"
}
