package sqlite

import (
	"database/sql/driver"
	"time"
)

// row is one row of a result, valid until the next one. Columns are int64, string, []byte or nil.
type row []driver.Value

func (r row) text(i int) string { s, _ := r[i].(string); return s }
func (r row) int(i int) int64   { n, _ := r[i].(int64); return n }
func (r row) blob(i int) []byte { b, _ := r[i].([]byte); return b }
func (r row) null(i int) bool   { return r[i] == nil }

// time reads a column of microseconds; NULL is the zero time.
func (r row) time(i int) time.Time {
	if r[i] == nil {
		return time.Time{}
	}
	return time.UnixMicro(r.int(i)).UTC()
}

// micros is what the store keeps of a time; the zero time is NULL.
func micros(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// orNull stores an empty string as NULL: what is absent is absent in every column alike.
func orNull(s string) driver.Value {
	if s == "" {
		return nil
	}
	return s
}
