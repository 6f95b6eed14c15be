package engine

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"
)

func TestScanCopiesEveryType(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	err := db.Read(t.Context(), func(c *Conn) error {
		var (
			text, absent   string
			number         int64
			yes, no        bool
			at, never, set time.Time
			hash           [3]byte
		)
		found, err := c.Query(`SELECT 'ann', NULL, 7, 1, 0, 1000001, NULL, 2, x'010203'`).One(&text, (*NullText)(&absent), &number,
			&yes, &no, &at, (*NullTime)(&never), (*NullTime)(&set), hash[:])
		if err != nil || !found {
			return errors.Join(err, errors.New("not found"))
		}
		if text != "ann" || absent != "" || number != 7 || !yes || no || !at.Equal(time.UnixMicro(1000001)) || at.Location() != time.UTC ||
			!never.IsZero() || !set.Equal(time.UnixMicro(2)) || hash != [3]byte{1, 2, 3} {
			t.Error(text, absent, number, yes, no, at, never, set, hash)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestScanRejectsWrongTypesAndNumbers(t *testing.T) {
	t.Parallel()
	var (
		text   string
		number int64
		yes    bool
		at     time.Time
		hash   [2]byte
	)
	for name, c := range map[string]struct {
		value driver.Value
		dest  []any
	}{
		"null for text":         {nil, []any{&text}},
		"null for a number":     {nil, []any{&number}},
		"null for a bool":       {nil, []any{&yes}},
		"null for a time":       {nil, []any{&at}},
		"null for bytes":        {nil, []any{hash[:]}},
		"a number for text":     {int64(1), []any{&text}},
		"text for a number":     {"1", []any{&number}},
		"text for a null time":  {"1", []any{(*NullTime)(&at)}},
		"a number, null text":   {int64(1), []any{(*NullText)(&text)}},
		"two for a bool":        {int64(2), []any{&yes}},
		"a real number":         {1.5, []any{&number}},
		"too many bytes":        {[]byte{1, 2, 3}, []any{hash[:]}},
		"too many destinations": {int64(1), []any{&number, &text}},
		"an unknown type":       {int64(1), []any{new(int)}},
	} {
		if err := scan([]driver.Value{c.value}, c.dest); !errors.Is(err, errScan) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	columns := []driver.Value{"ann", int64(7), nil, int64(1)}
	n := testing.AllocsPerRun(100, func() {
		var text, absent string
		var at time.Time
		var yes bool
		if err := scan(columns, []any{&text, &at, (*NullText)(&absent), &yes}); err != nil || text != "ann" {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGetReportsAMissingRow(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	missing := errors.New("missing")
	err := db.Read(t.Context(), func(c *Conn) error {
		var n int64
		if err := c.Query(`SELECT n FROM t`).Get(missing, &n); !errors.Is(err, missing) {
			t.Errorf("no row: %v", err)
		}
		if exists, err := c.Query(`SELECT n FROM t`).Exists(); exists || err != nil {
			t.Errorf("exists: %t %v", exists, err)
		}
		return c.Query(`SELECT 1 UNION ALL SELECT 2`).Get(missing, &n)
	})
	if err != nil {
		t.Error(err)
	}
}

// A statement that would run for hours ends with the context of its read, and the connection serves the next one.
func TestLongStatementEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	for range 2 * maxReaders {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.ReadSnapshot(ctx, func(c *Conn) error {
			time.AfterFunc(time.Millisecond, cancel)
			_, err := c.Query(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n`).Exists()
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if err := db.Read(t.Context(), func(c *Conn) error { return c.touch() }); err != nil {
		t.Error(err)
	}
}
