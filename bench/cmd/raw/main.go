// Command raw writes the product's rows with prepared statements of the driver, in batches of 256 and with full
// durability: no HTTP, no lookups, no decision. It is the upper limit of the store. The result is one line of JSON.
package main

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"modernc.org/sqlite"

	"github.com/triport/triport-console/bench/internal/seed"
)

const batch = 256

func main() {
	database := flag.String("database", "triport.db", "database `file`, with the product's schema")
	what := flag.String("rows", "attributions", "attributions (each with its event) or users (each with its code)")
	first := flag.Int64("first", 0, "the first person")
	count := flag.Int64("count", 0, "how many people")
	flag.Parse()
	if err := run(*database, *what, *first, *count); err != nil {
		fmt.Fprintln(os.Stderr, "raw:", err)
		os.Exit(1)
	}
}

func run(database, what string, first, count int64) (err error) {
	q := url.Values{"_pragma": {"busy_timeout=1500", "foreign_keys=on", "recursive_triggers=on", "journal_mode=wal", "synchronous=full"}}
	var d sqlite.Driver
	c, err := d.Open("file:" + url.PathEscape(database) + "?" + q.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	w := &writer{conn: c, stmts: make(map[string]driver.Stmt)}
	add := w.attribution
	if what == "users" {
		add = w.user
	}
	start := time.Now()
	for from := first; from < first+count; from += batch {
		if err := w.transaction(from, min(from+batch, first+count), add); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Rows    int64         `json:"rows"`
		Elapsed time.Duration `json:"elapsed"`
	}{count, time.Since(start)})
}

type writer struct {
	conn  driver.Conn
	stmts map[string]driver.Stmt
	named []driver.NamedValue
}

func (w *writer) transaction(from, to int64, add func(n int64) error) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for n := from; n < to; n++ {
		if err := add(n); err != nil {
			return err
		}
	}
	return w.exec("COMMIT")
}

func (w *writer) exec(query string, args ...driver.Value) error {
	s, ok := w.stmts[query]
	if !ok {
		var err error
		if s, err = w.conn.Prepare(query); err != nil {
			return err
		}
		w.stmts[query] = s
	}
	w.named = w.named[:0]
	for i, a := range args {
		w.named = append(w.named, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	_, err := s.(driver.StmtExecContext).ExecContext(context.Background(), w.named)
	return err
}

func (w *writer) attribution(n int64) error {
	now, user, attempt := time.Now().UnixMicro(), seed.Number(n), seed.Attempt(n)
	referrer, code := seed.Number(seed.ReferrerOf(n)), seed.Code(seed.ReferrerOf(n))
	err := w.exec(`
INSERT INTO events (at, user, type, code, referrer, source, attempt_id, request_id)
VALUES (?1, ?2, 1, ?3, ?4, 1, ?5, ?6)`, now, user, code, referrer, attempt[:], "req_0123456789abcdef")
	if err != nil {
		return err
	}
	return w.exec(`
INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
VALUES (?1, ?2, ?3, ?4, ?5, last_insert_rowid())`, user, referrer, code, now, attempt[:])
}

func (w *writer) user(n int64) error {
	now, id := time.Now().UnixMicro(), seed.UserID(n)
	err := w.exec(`INSERT INTO users (n, id, email, display_name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)`,
		seed.Number(n), id[:], seed.Email(n), "Person", now)
	if err != nil {
		return err
	}
	return w.exec(`INSERT INTO codes (code, owner, kind, created_at) VALUES (?1, ?2, 1, ?3)`, seed.Code(n), seed.Number(n), now)
}
