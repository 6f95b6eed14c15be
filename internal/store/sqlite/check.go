package sqlite

import (
	"context"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// maxProblems bounds what one check lists: a damaged file can break a rule a million times.
const maxProblems = 20

// invariants are rules that the schema cannot say. Each statement returns one line a violation.
var invariants = []string{
	`SELECT 'user ' || u.id || ' has no uid code' FROM users u
	 WHERE NOT EXISTS (SELECT 1 FROM codes c WHERE c.user_id = u.id AND c.kind = 'uid')`,
	`SELECT 'attribution of ' || a.invitee_id || ' credits ' || a.referrer_id || ', but its code ' || a.code || ' is ' || c.user_id || '''s'
	 FROM attributions a JOIN codes c ON c.code = a.code WHERE c.user_id <> a.referrer_id`,
	`SELECT 'attribution of ' || a.invitee_id || ' has no signup event' FROM attributions a
	 WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.attempt_id = a.attempt_id AND e.type = 'signup' AND e.user_id = a.invitee_id)`,
	`SELECT 'signup event ' || e.seq || ' has no attribution' FROM events e
	 WHERE e.type = 'signup' AND NOT EXISTS (SELECT 1 FROM attributions a WHERE a.invitee_id = e.user_id AND a.attempt_id = e.attempt_id)`,
	`SELECT 'foreign key: ' || "table" || ' refers to a row of ' || parent || ' that is not there' FROM pragma_foreign_key_check`,
}

// schemaObjects are the guards that a hand in the file may have dropped.
var schemaObjects = []string{
	"attributions", "attributions_referrer", "codes", "codes_keep_owner", "codes_no_delete", "codes_one_active_custom",
	"codes_one_uid", "codes_user", "events", "events_attempt", "events_no_delete", "events_no_update", "events_rejected",
	"events_user", "sessions", "sessions_user", "users",
}

// Check looks for damage in the file and for rows that break a rule. It returns what it found, in
// words; nothing when the database is sound. An error means that the check itself could not be done.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var found problems
	err := s.read(ctx, func(c *conn) error {
		return c.snapshot(func() error {
			for _, step := range []func(context.Context, *conn, *problems) error{checkFile, checkSchema, checkInvariants} {
				err := step(ctx, c, &found)
				if hasCode(err, sqlite3.SQLITE_CORRUPT) {
					found.add(err.Error()) // so damaged that the check could not go on
					return nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return found, err
}

type problems []string

func (p *problems) add(s string) { *p = append(*p, s) }

func checkFile(_ context.Context, c *conn, found *problems) error {
	return c.query(func(r row) error {
		if r.text(0) != "ok" {
			found.add(r.text(0))
		}
		return nil
	}, fmt.Sprintf("PRAGMA integrity_check(%d)", maxProblems))
}

func checkSchema(_ context.Context, c *conn, found *problems) error {
	for _, name := range schemaObjects {
		there, err := c.one(func(row) {}, `SELECT 1 FROM sqlite_schema WHERE name = ?1`, name)
		if err != nil {
			return err
		}
		if !there {
			found.add("the schema has lost " + name)
		}
	}
	return nil
}

func checkInvariants(ctx context.Context, c *conn, found *problems) error {
	for _, query := range invariants {
		err := c.query(func(r row) error {
			found.add(r.text(0))
			return ctx.Err()
		}, fmt.Sprintf("%s LIMIT %d", query, maxProblems))
		if err != nil {
			return err
		}
	}
	return nil
}
