package engine

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// Query is a statement with its arguments, ready to run.
type Query struct {
	conn *Conn
	sql  string
	args []driver.Value
}

// Query returns a query. sql must be a constant: it stays prepared. A query must not run inside its own Each.
func (c *Conn) Query(sql string, args ...driver.Value) Query { return Query{c, sql, args} }

// Each scans every row into dest and calls f, until an error.
func (q Query) Each(f func() error, dest ...any) error {
	s, err := q.conn.prepare(q.sql)
	if err != nil {
		return err
	}
	return q.conn.run(s, q.args, f, dest)
}

// One scans the first row and reports whether it exists.
func (q Query) One(dest ...any) (found bool, err error) {
	err = q.Each(func() error {
		found = true
		return errEnough
	}, dest...)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// Get is One with the error missing for no row.
func (q Query) Get(missing error, dest ...any) error {
	found, err := q.One(dest...)
	if err == nil && !found {
		err = missing
	}
	return err
}

// Exists reports whether the query has a row.
func (q Query) Exists() (bool, error) { return q.One() }

// NullText reads text, and NULL as the empty string.
type NullText string

// NullInt reads a number, and NULL as 0.
type NullInt int64

// NullTime reads a time, and NULL as the zero time.
type NullTime time.Time

var (
	errEnough = errors.New("enough rows")
	errScan   = errors.New("a row cannot be read")
)

// scan copies the columns of a row into dest: *string, *int64, *bool (0 or 1), *time.Time (microseconds, UTC),
// *NullText, *NullInt, *NullTime, *ID, *any, or a []byte of the column's length. Another number or type is an error. No dest is allowed.
func scan(columns []driver.Value, dest []any) error {
	if len(dest) != len(columns) && len(dest) > 0 {
		return fmt.Errorf("%w: %d columns for %d destinations", errScan, len(columns), len(dest))
	}
	for i, d := range dest {
		if !assign(d, columns[i]) {
			return fmt.Errorf("%w: column %d has another type (%T)", errScan, i+1, columns[i])
		}
	}
	return nil
}

// assign keeps no pointer, so destinations stay on the stack.
func assign(dest any, v driver.Value) (ok bool) {
	text, isText := v.(string)
	number, isNumber := v.(int64)
	switch d := dest.(type) {
	case *string:
		*d, ok = text, isText
	case *NullText:
		*d, ok = NullText(text), isText || v == nil
	case *int64:
		*d, ok = number, isNumber
	case *NullInt:
		*d, ok = NullInt(number), isNumber || v == nil
	case *bool:
		*d, ok = number == 1, isNumber && number>>1 == 0
	case *time.Time:
		*d, ok = time.UnixMicro(number).UTC(), isNumber
	case *NullTime:
		*d, ok = NullTime{}, isNumber || v == nil
		if isNumber {
			*d = NullTime(time.UnixMicro(number).UTC())
		}
	case *ID:
		ok = d.scan(v)
	case []byte:
		b, isBlob := v.([]byte)
		ok = isBlob && len(b) == len(d) && copy(d, b) == len(b)
	case *any:
		*d, ok = v, true
	}
	return ok
}

// Micros returns microseconds, or NULL for the zero time.
func Micros(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// OrNull returns the text, or NULL for the empty string.
func OrNull[T ~string](s T) driver.Value {
	if s == "" {
		return nil
	}
	return string(s)
}
