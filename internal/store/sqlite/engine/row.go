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

// Query returns a query on the connection. sql must be a constant: the connection keeps the prepared
// statement until it closes. A query must not run inside its own Each.
func (c *Conn) Query(sql string, args ...driver.Value) Query { return Query{c, sql, args} }

// Each calls f for every row, in order, until f returns an error.
func (q Query) Each(f func(Row) error) error {
	s, err := q.conn.prepare(q.sql)
	if err != nil {
		return err
	}
	return q.conn.run(s, q.args, f)
}

// errEnough ends a query after its first row.
var errEnough = errors.New("enough rows")

// One scans the first row and reports whether there was one.
func (q Query) One(dest ...any) (found bool, err error) {
	return q.first(func(r Row) error { return r.Scan(dest...) })
}

// Get scans the first row. The error is missing if there is none.
func (q Query) Get(missing error, dest ...any) error {
	found, err := q.One(dest...)
	if err == nil && !found {
		err = missing
	}
	return err
}

// Exists reports whether the query has a row.
func (q Query) Exists() (bool, error) {
	return q.first(func(Row) error { return nil })
}

func (q Query) first(f func(Row) error) (found bool, err error) {
	err = q.Each(func(r Row) error {
		found = true
		if err := f(r); err != nil {
			return err
		}
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// Row is one row of a result, valid until the next one.
type Row struct{ values []driver.Value }

// NullText is a string whose column may be NULL, which reads as the empty string.
type NullText string

// NullTime is a time whose column may be NULL, which reads as the zero time.
type NullTime time.Time

// Null makes a destination for a text column that may be NULL.
func Null(s *string) *NullText { return (*NullText)(s) }

// NullableTime makes a destination for a time column that may be NULL.
func NullableTime(t *time.Time) *NullTime { return (*NullTime)(t) }

// Scan copies the columns into dest, one each. A destination is a *string, *int64, *bool (0 or 1),
// *time.Time (microseconds, UTC), *NullText, *NullTime, or a []byte of exactly the column's length. A wrong
// number or type is an error.
func (r Row) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("%w: %d columns for %d destinations", errScan, len(r.values), len(dest))
	}
	for i, v := range r.values {
		if !assign(dest[i], v) {
			return fmt.Errorf("%w: column %d has another type (%T)", errScan, i+1, v)
		}
	}
	return nil
}

var errScan = errors.New("a row cannot be read")

// assign reports whether dest takes the value. dest must not be passed on: it would be allocated.
func assign(dest any, v driver.Value) bool {
	switch v := v.(type) {
	case int64:
		return assignInt(dest, v)
	case string:
		return assignText(dest, v)
	case []byte:
		d, ok := dest.([]byte)
		return ok && len(d) == len(v) && copy(d, v) == len(v)
	case nil:
		return assignNull(dest)
	}
	return false
}

func assignInt(dest any, v int64) bool {
	switch d := dest.(type) {
	case *int64:
		*d = v
	case *bool:
		*d = v == 1
		return v == 0 || v == 1
	case *time.Time:
		*d = time.UnixMicro(v).UTC()
	case *NullTime:
		*d = NullTime(time.UnixMicro(v).UTC())
	default:
		return false
	}
	return true
}

func assignText(dest any, v string) bool {
	switch d := dest.(type) {
	case *string:
		*d = v
	case *NullText:
		*d = NullText(v)
	default:
		return false
	}
	return true
}

func assignNull(dest any) bool {
	switch d := dest.(type) {
	case *NullText:
		*d = ""
	case *NullTime:
		*d = NullTime{}
	default:
		return false
	}
	return true
}

// Micros is how a time is stored: microseconds, the zero time as NULL.
func Micros(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// OrNull is how an optional text is stored: the empty string as NULL.
func OrNull[T ~string](s T) driver.Value {
	if s == "" {
		return nil
	}
	return string(s)
}
