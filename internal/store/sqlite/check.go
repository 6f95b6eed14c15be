package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// maxProblems bounds what a check lists of one rule: a damaged file can break it a million times.
const maxProblems = 20

// userName is the id of a user in words, or (none) for one who does not exist.
const userName = `ifnull(iif(typeof(u.id) = 'text', u.id, lower(substr(hex(u.id), 1, 8) || '-' || substr(hex(u.id), 9, 4)
    || '-' || substr(hex(u.id), 13, 4) || '-' || substr(hex(u.id), 17, 4) || '-' || substr(hex(u.id), 21))), '(none)')`

// invariants return a line for each violation. The schema cannot express them.
var invariants = []string{
	`SELECT 'user ' || ` + userName + ` || ' has no uid code' FROM users u
	 WHERE NOT EXISTS (SELECT 1 FROM codes c WHERE c.owner = u.n AND c.kind = 1)`,
	`SELECT 'attribution of ' || ` + userName + ` || ' credits another user than the owner of its code ' || a.code
	 FROM attributions a JOIN codes c ON c.code = a.code LEFT JOIN users u ON u.n = a.invitee WHERE c.owner <> a.referrer`,
	`SELECT 'attribution of ' || ` + userName + ` || ' has no signup event'
	 FROM attributions a LEFT JOIN users u ON u.n = a.invitee WHERE NOT EXISTS (
	 SELECT 1 FROM events e WHERE e.seq = a.event AND e.type = 1 AND e.user = a.invitee AND e.attempt_id = a.attempt_id)`,
	`SELECT 'signup event ' || e.seq || ' has no attribution' FROM events e WHERE e.type = 1 AND NOT EXISTS (
	 SELECT 1 FROM attributions a WHERE a.invitee = e.user AND a.event = e.seq)`,
	`SELECT 'event ' || e.seq || ' names a user who does not exist' FROM events e
	 WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.n = e.user)
	    OR e.referrer IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.n = e.referrer)`,
	`SELECT 'event ' || e.seq || ' has a number for its type, reason, detail or source that has no word' FROM events e
	 WHERE type > 2 OR reason NOT BETWEEN 1 AND 5 OR detail NOT BETWEEN 1 AND 4 OR source NOT BETWEEN 1 AND 3`,
	`SELECT 'the numbers of the events have gaps: ' || count(*) || ' events, numbers ' || min(seq) || ' to ' || max(seq)
	 FROM events HAVING min(seq) <> 1 OR max(seq) <> count(*)`,
	`SELECT 'disabled user ' || ` + userName + ` || ' has a session that is not revoked' FROM users u
	 WHERE disabled_at IS NOT NULL AND EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id AND s.revoked_at IS NULL)`,
	`SELECT 'foreign key: ' || "table" || ' refers to a row of ' || parent || ' that is not there'
	 FROM pragma_foreign_key_check`,
}

// Check returns in words what is damaged in the file, what differs from the schema, and rows that break a rule. An
// error means that the check could not go on, for IsCorrupt because of the damage. Open the store with ReadOnly: the
// readers next to a writer open the file with mode=ro, for which SQLite checks no CHECK constraints.
func (s *Store) Check(ctx context.Context) (found []string, err error) {
	var problem string
	report := func() error {
		if problem != "ok" { // integrity_check found something
			found = append(found, problem)
		}
		return ctx.Err()
	}
	err = s.ReadSnapshot(ctx, func(c *engine.Conn) error {
		err := c.Query(fmt.Sprintf("PRAGMA integrity_check(%d)", maxProblems)).Each(report, &problem)
		for i := 0; err == nil && i < len(invariants); i++ {
			err = c.Query(fmt.Sprintf("%s LIMIT %d", invariants[i], maxProblems)).Each(report, &problem)
		}
		if err != nil {
			return err
		}
		schema, err := checkSchema(ctx, c)
		if err != nil {
			return err
		}
		users, err := checkUsers(ctx, c)
		found = append(append(found, schema...), users...)
		return err
	})
	if err != nil {
		err = fmt.Errorf("check the database: %w", err)
	}
	return found, err
}

// object is a table, index or trigger.
type object struct{ kind, name, table string }

// selectSchema reads what CREATE statements made, and the indexes of unique columns, without the tables of goose and
// Litestream, and those of ANALYZE.
const selectSchema = `SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_schema
WHERE tbl_name NOT IN ('goose_db_version', '_litestream_seq', '_litestream_lock') AND name NOT GLOB 'sqlite_stat*'`

// checkSchema compares the schema with the one that the migrations make in an empty database.
func checkSchema(ctx context.Context, c *engine.Conn) (found []string, err error) {
	want, err := freshSchema(ctx)
	if err != nil {
		return nil, fmt.Errorf("make an empty database to compare with: %w", err)
	}
	var o object
	var definition string
	err = c.Query(selectSchema).Each(func() error {
		expected, known := want[o]
		delete(want, o)
		switch {
		case !known:
			found = append(found, fmt.Sprintf("the schema has a %s %s that does not belong to it", o.kind, o.name))
		case definition != expected:
			found = append(found, fmt.Sprintf("the schema has another %s %s", o.kind, o.name))
		}
		return nil
	}, &o.kind, &o.name, &o.table, &definition)
	for o := range maps.Keys(want) {
		found = append(found, fmt.Sprintf("the schema has lost the %s %s", o.kind, o.name))
	}
	slices.Sort(found)
	return found, err
}

func freshSchema(ctx context.Context) (schema map[object]string, err error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	if err := migrateDB(ctx, db, nil); err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, selectSchema)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	schema = make(map[object]string)
	for rows.Next() {
		var o object
		var definition string
		if err := rows.Scan(&o.kind, &o.name, &o.table, &definition); err != nil {
			return nil, err
		}
		schema[o] = definition
	}
	return schema, rows.Err()
}

// checkUsers compares what SQL cannot: whether an e-mail address is one, and whether the uid code follows from the id.
func checkUsers(ctx context.Context, c *engine.Conn) (found []string, err error) {
	err = scanEach(c.Query(selectAccount), accountColumns, func(a auth.Account) error {
		if email, err := auth.NormalizeEmail(a.User.Email); a.User.Email != "" && (err != nil || email != a.User.Email) {
			found = append(found, fmt.Sprintf("user %s: the e-mail address is none", a.User.ID))
		}
		if id, err := auth.NormalizeID(a.User.ID); err != nil || id != a.User.ID {
			found = append(found, fmt.Sprintf("user %s: the id is none", a.User.ID))
		}
		if n := len(a.Code); n > referral.MaxCodeLength || a.Code != "" && a.Code != referral.UIDCode(a.User.ID, n) {
			found = append(found, fmt.Sprintf("user %s: the uid code %s does not follow from the id", a.User.ID, a.Code))
		}
		if len(found) >= maxProblems {
			return errStopped
		}
		return ctx.Err()
	})
	if errors.Is(err, errStopped) {
		err = nil
	}
	return found, err
}
