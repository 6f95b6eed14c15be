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

// The expected answers.
const (
	answerAttributed = `{"attributed":true}`
	answerNoCookie   = `{"attributed":false,"reason":"no_cookie"}`
	answerAlready    = `{"attributed":false,"reason":"already_attributed"}`
	answerUnknown    = `{"attributed":false,"reason":"unknown_code"}`
)

// counts are numbers of rows.
type counts struct{ Attributions, Signups, Rejections int64 }

func (c counts) plus(d counts) counts {
	return counts{c.Attributions + d.Attributions, c.Signups + d.Signups, c.Rejections + d.Rejections}
}

// expectedRows returns the rows that belong to the answers.
func expectedRows(answers map[string]int64) counts {
	return counts{answers[answerAttributed], answers[answerAttributed], answers[answerUnknown]}
}

// unexpected counts the answers that are not expected, for example 200 with internal_error.
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

// succeeded is the share of the answers that are as expected: a failed request is not work done.
func succeeded(answers map[string]int64, failed int64) float64 {
	var all int64
	for _, k := range answers {
		all += k
	}
	return float64(all-failed) / float64(max(all, 1))
}

// countRows counts the rows of a database that no process has open. All tables have the same names; where the product
// has a number, 1 for signup and 2 for rejected, the others have the word.
func countRows(ctx context.Context, path string) (c counts, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "data.db")
	}
	err = queryRow(ctx, path, `
SELECT (SELECT count(*) FROM attributions), count(*) FILTER (WHERE type IN (1, 'signup')), count(*) FILTER (WHERE type IN (2, 'rejected'))
FROM events`, &c.Attributions, &c.Signups, &c.Rejections)
	return c, err
}

func queryRow(ctx context.Context, path, query string, dest ...any) error {
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?_pragma=query_only(1)")
	if err != nil {
		return err
	}
	if err = errors.Join(db.QueryRowContext(ctx, query).Scan(dest...), db.Close()); err != nil {
		return fmt.Errorf("count the rows of %s: %w", path, err)
	}
	return nil
}

// checkRows compares the rows of a database with the answers.
func checkRows(ctx context.Context, path string, want counts) error {
	got, err := countRows(ctx, path)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("rows and answers differ: %+v in the store, %+v answered", got, want)
	}
	return nil
}

// verify runs referral verify, which recomputes every attribution.
func (ws *workspace) verify(ctx context.Context, path string, want int64) error {
	out, err := ws.command(ctx, -1, "product", "referral", "verify", "-o", "json", "--database", path).Output()
	if err != nil {
		return fmt.Errorf("referral verify: %w: %s", err, out)
	}
	var v struct{ Attributions, Events int64 }
	if err := json.Unmarshal(out, &v); err != nil {
		return fmt.Errorf("referral verify: %w", err)
	}
	if v.Attributions != want || v.Events != want {
		return fmt.Errorf("rows and answers differ: referral verify finds %d attributions and %d signups, %d answered",
			v.Attributions, v.Events, want)
	}
	return nil
}

// verifyNaive counts the attributions that have their signup event and the owner of their code.
func verifyNaive(ctx context.Context, path string, want int64) error {
	var got int64
	err := queryRow(ctx, path, `
SELECT count(*) FROM attributions a
JOIN events e ON e.attempt_id = a.attempt_id AND e.type = 'signup'
    AND e.user_id = a.invitee_id AND e.referrer_id = a.referrer_id AND e.code = a.code
JOIN codes c ON c.code = a.code AND c.user_id = a.referrer_id`, &got)
	if err == nil && got != want {
		err = fmt.Errorf("rows and answers differ: %d attributions are whole, %d answered", got, want)
	}
	return err
}
