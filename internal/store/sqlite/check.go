package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// maxProblems bounds what a check lists of one rule: a damaged file can break it a million times.
const maxProblems = 20

// invariants return a line for each violation. The schema cannot express them.
var invariants = []string{
	`SELECT 'the schema has lost ' || value FROM json_each('["` + strings.Join(schemaObjects, `", "`) + `"]')
	 WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = value)`,
	`SELECT 'user ' || u.id || ' has no uid code' FROM users u
	 WHERE NOT EXISTS (SELECT 1 FROM codes c WHERE c.user_id = u.id AND c.kind = 'uid')`,
	`SELECT 'attribution of ' || a.invitee_id || ' credits ' || a.referrer_id
	     || ', but its code ' || a.code || ' is ' || c.user_id || '''s'
	 FROM attributions a JOIN codes c ON c.code = a.code WHERE c.user_id <> a.referrer_id`,
	`SELECT 'attribution of ' || a.invitee_id || ' has no signup event' FROM attributions a WHERE NOT EXISTS (
	 SELECT 1 FROM events e WHERE e.attempt_id = a.attempt_id AND e.type = 'signup' AND e.user_id = a.invitee_id)`,
	`SELECT 'signup event ' || e.seq || ' has no attribution' FROM events e WHERE e.type = 'signup' AND NOT EXISTS (
	 SELECT 1 FROM attributions a WHERE a.invitee_id = e.user_id AND a.attempt_id = e.attempt_id)`,
	`SELECT 'foreign key: ' || "table" || ' refers to a row of ' || parent || ' that is not there'
	 FROM pragma_foreign_key_check`,
}

// schemaObjects are what a manual change may have dropped.
var schemaObjects = []string{
	"attributions", "attributions_referrer", "codes", "codes_keep_owner", "codes_no_delete", "codes_one_active_custom",
	"codes_one_uid", "codes_user", "events", "events_attempt", "events_no_delete", "events_no_update", "events_rejected",
	"events_user", "sessions", "sessions_user", "users",
}

// Check returns in words what is damaged in the file, and rows that break a rule. An error means that the check
// could not go on, for IsCorrupt because of the damage.
func (s *Store) Check(ctx context.Context) (found []string, err error) {
	var problem string
	report := func() error {
		if problem == "ok" { // integrity_check found nothing
			return nil
		}
		found = append(found, problem)
		return ctx.Err()
	}
	err = s.ReadSnapshot(ctx, func(c *engine.Conn) error {
		err := c.Query(fmt.Sprintf("PRAGMA integrity_check(%d)", maxProblems)).Each(report, &problem)
		for i := 0; err == nil && i < len(invariants); i++ {
			err = c.Query(fmt.Sprintf("%s LIMIT %d", invariants[i], maxProblems)).Each(report, &problem)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("check the database: %w", err)
	}
	return found, err
}
