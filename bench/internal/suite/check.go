package suite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// The answers that a run may get.
const (
	answerAttributed = `{"attributed":true}`
	answerNoCookie   = `{"attributed":false,"reason":"no_cookie"}`
	answerAlready    = `{"attributed":false,"reason":"already_attributed"}`
	answerUnknown    = `{"attributed":false,"reason":"unknown_code"}`
)

// counts are the rows that answers must have left.
type counts struct{ Attributions, Signups, Rejections int64 }

func (c counts) plus(d counts) counts {
	return counts{c.Attributions + d.Attributions, c.Signups + d.Signups, c.Rejections + d.Rejections}
}

// owed tells what rows the answers promise.
func owed(answers map[string]int64) counts {
	return counts{answers[answerAttributed], answers[answerAttributed], answers[answerUnknown]}
}

// unexpected counts the answers that are not among those a run may get. 200 with another reason, such as
// internal_error, is one of them.
func unexpected(answers map[string]int64, expected []string) (n int64, example string) {
	rest := make(map[string]int64, len(answers))
	for a, k := range answers {
		rest[a] = k
	}
	for _, a := range expected {
		delete(rest, a)
	}
	for a, k := range rest {
		n, example = n+k, a
	}
	return n, example
}

// countRows reads the rows of a database that nobody has open. The tables of PocketBase have the
// same names.
func countRows(ctx context.Context, path string) (c counts, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "data.db")
	}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?_pragma=query_only(1)")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, `
SELECT (SELECT count(*) FROM attributions), count(*) FILTER (WHERE type = 'signup'), count(*) FILTER (WHERE type = 'rejected')
FROM events`).Scan(&c.Attributions, &c.Signups, &c.Rejections)
	if err != nil {
		return c, fmt.Errorf("count the rows of %s: %w", path, err)
	}
	return c, nil
}

// checkRows holds a database against what its answers promise.
func checkRows(ctx context.Context, path string, want counts) error {
	got, err := countRows(ctx, path)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("rows are not answers: %+v in the store, %+v answered", got, want)
	}
	return nil
}

// verify lets the product recompute every attribution of a database with its schema.
func (l *lab) verify(ctx context.Context, path string, want int64) error {
	out, err := l.command(ctx, -1, "product", "referral", "verify", "-o", "json", "--database", path).Output()
	if err != nil {
		return fmt.Errorf("referral verify: %w: %s", err, out)
	}
	var v struct{ Attributions, Events int64 }
	if err := json.Unmarshal(out, &v); err != nil {
		return fmt.Errorf("referral verify: %w", err)
	}
	if v.Attributions != want || v.Events != want {
		return fmt.Errorf("rows are not answers: referral verify finds %d attributions and %d signups, %d were answered",
			v.Attributions, v.Events, want)
	}
	return nil
}
