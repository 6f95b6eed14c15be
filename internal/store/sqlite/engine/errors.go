package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
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

	errWALBusy     = errors.New("another process reads the write-ahead log, which must be emptied first")
	errReadersBusy = errors.New("a read has not ended yet")
	// A backup put over such a file would lose commits.
	errUnseen = errors.New("the database file cannot be checked, and may be in its place")
)

// Error is an SQLite error. It has no driver text, which may quote a statement.
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

// Translate turns a driver's error into one of this package.
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

// kind says what an error means for the database.
type kind int

const (
	other      kind = iota
	busy            // another process is in the way
	full            // the disk is full
	constraint      // the schema rejected a row
	permission      // to write is missing; a reader in WAL mode needs it too
	damaged         // a page could not be read, or cannot be right
	disk            // its content is unknown
)

// kinds has extended codes that differ from their primary code.
var kinds = map[int]kind{
	sqlite3.SQLITE_BUSY: busy, sqlite3.SQLITE_LOCKED: busy,
	sqlite3.SQLITE_FULL:       full,
	sqlite3.SQLITE_CONSTRAINT: constraint, sqlite3.SQLITE_MISMATCH: constraint, sqlite3.SQLITE_TOOBIG: constraint,
	sqlite3.SQLITE_READONLY: permission, sqlite3.SQLITE_CANTOPEN: permission, sqlite3.SQLITE_PERM: permission,
	sqlite3.SQLITE_IOERR_READ: damaged, sqlite3.SQLITE_IOERR_SHORT_READ: damaged,
	sqlite3.SQLITE_IOERR_CORRUPTFS: damaged, sqlite3.SQLITE_IOERR_DATA: damaged, sqlite3.SQLITE_CORRUPT: damaged,
	sqlite3.SQLITE_IOERR: disk, sqlite3.SQLITE_PROTOCOL: disk,
}

func kindOf(err error) kind {
	var e Error
	switch {
	case errors.As(err, &e):
		return cmp.Or(kinds[e.Code], kinds[e.primary()])
	case errors.Is(err, errWALBusy), errors.Is(err, ErrLocked):
		return busy
	case errors.Is(err, ErrNotDatabase):
		return damaged
	case errors.Is(err, fs.ErrPermission):
		return permission
	}
	return other
}

// isFailure reports whether the database must recover first.
func isFailure(err error) bool {
	k := kindOf(err)
	return k == permission || k == disk || errors.Is(err, errUnseen)
}

// IsConstraint reports whether the schema rejected a row.
func IsConstraint(err error) bool { return kindOf(err) == constraint }

// IsPermission reports whether this process may not write.
func IsPermission(err error) bool { return kindOf(err) == permission }

// IsCorrupt reports whether SQLite found the file malformed.
func IsCorrupt(err error) bool {
	var e Error
	return errors.As(err, &e) && e.primary() == sqlite3.SQLITE_CORRUPT
}

// Hint returns what an operator does about an error.
func Hint(err error) string {
	return cmp.Or(hints[kindOf(err)], "check the database's disk and the system log")
}

var hints = map[kind]string{
	full:       "free space on the database's disk",
	busy:       "wait for the other process that uses the database, or stop it",
	damaged:    "check the disk, run db check, and restore a backup if it reports damage",
	permission: "make the database and its directory writable for the user of this process",
}
