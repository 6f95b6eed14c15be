package sqlite_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// Each statement breaks one rule of the schema.
func TestSchemaRejectsInvalidRows(t *testing.T) {
	t.Parallel()
	s, path := newStore(t)
	ann, bob := newUser(t, s, "ann"), newUser(t, s, "bob")
	attribute(t, s, bob.attempt(ann.code))
	if _, err := s.SetSlug(t.Context(), ann.id, "slug", noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const unknown = "00000000-0000-4000-8000-000000000000"
	rows := []struct{ name, statement, rejection string }{
		{"a second user with the e-mail address", `INSERT INTO users VALUES ('` + unknown + `', 'ann@example.com', '', 0, NULL)`,
			"UNIQUE constraint failed: users.email"},
		{"an e-mail address in upper case", `INSERT INTO users VALUES ('` + unknown + `', 'Ann@example.com', '', 0, NULL)`,
			"email = lower(email)"},
		{"a user id that is not a UUID", `INSERT INTO users VALUES ('ann', 'x@example.com', '', 0, NULL)`,
			"length(id) = 36"},
		{"a time as text", `INSERT INTO users VALUES ('` + unknown + `', 'x@example.com', '', 'today', NULL)`,
			"cannot store TEXT value in INTEGER column users.created_at"},
		{"a session of an unknown user", `INSERT INTO sessions VALUES (zeroblob(32), '` + unknown + `', zeroblob(32), 0, 0, NULL)`,
			"FOREIGN KEY constraint failed"},
		{"a token hash that is not 32 bytes long", `INSERT INTO sessions VALUES (X'00', '` + ann.id + `', zeroblob(32), 0, 0, NULL)`,
			"length(token_hash) = 32"},
		{"a code of an unknown user", `INSERT INTO codes VALUES ('free', '` + unknown + `', 'custom', 0, NULL)`,
			"FOREIGN KEY constraint failed"},
		{"a code that exists", `INSERT INTO codes VALUES ('slug', '` + bob.id + `', 'custom', 0, NULL)`,
			"UNIQUE constraint failed: codes.code"},
		{"a second uid code", `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'uid', 0, NULL)`,
			"UNIQUE constraint failed: codes.user_id"},
		{"a second active slug", `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'custom', 0, NULL)`,
			"UNIQUE constraint failed: codes.user_id"},
		{"a disabled uid code", `UPDATE codes SET disabled_at = 1 WHERE kind = 'uid'`,
			"kind = 'custom' OR disabled_at IS NULL"},
		{"a code of another kind", `INSERT INTO codes VALUES ('free', '` + ann.id + `', 'gift', 0, NULL)`,
			"kind IN ('uid', 'custom')"},
		{"a code deleted", `DELETE FROM codes WHERE code = 'slug'`,
			"codes are never deleted"},
		{"a code given away", `UPDATE codes SET user_id = '` + bob.id + `' WHERE code = 'slug'`,
			"a code keeps its owner and its kind"},
		{"a second referrer", `INSERT INTO attributions VALUES ('` + bob.id + `', '` + ann.id + `', 'slug', 0, 'x')`,
			"UNIQUE constraint failed: attributions.invitee_id"},
		{"a self-referral", `INSERT INTO attributions VALUES ('` + ann.id + `', '` + ann.id + `', 'slug', 0, 'x')`,
			"invitee_id <> referrer_id"},
		{"an attribution by an unknown code", `INSERT INTO attributions VALUES ('` + ann.id + `', '` + bob.id + `', 'unused-code', 0, 'x')`,
			"FOREIGN KEY constraint failed"},
		{"an event changed", `UPDATE events SET code = 'slug'`,
			"events are append-only"},
		{"an event deleted", `DELETE FROM events`,
			"events are append-only"},
		{"an event replaced", `INSERT OR REPLACE INTO events (seq, at, user_id, type) VALUES (1, 0, '` + ann.id + `', 'signup')`,
			"events are append-only"},
		{"a rejection without a reason", `INSERT INTO events (at, user_id, type) VALUES (0, '` + ann.id + `', 'rejected')`,
			"(type = 'rejected') = (reason IS NOT NULL)"},
		{"an event of an unknown user", `INSERT INTO events (at, user_id, type) VALUES (0, '` + unknown + `', 'first_paid')`,
			"FOREIGN KEY constraint failed"},
		{"an attempt's second signup", `INSERT INTO events (at, user_id, type, attempt_id)
			SELECT 0, user_id, 'signup', attempt_id FROM events WHERE type = 'signup'`,
			"UNIQUE constraint failed: events.attempt_id, events.type"},
	}
	for _, row := range rows {
		err := execute(t, path, row.statement)
		if !engine.IsConstraint(engine.Translate(err)) || !strings.Contains(err.Error(), row.rejection) {
			t.Errorf("%s: %v, want %s", row.name, err, row.rejection)
		}
	}
}

// execute runs a statement on a connection that writes, with everything a real one enforces.
func execute(t *testing.T, path, statement string) (err error) {
	t.Helper()
	db, err := sql.Open("sqlite", engine.DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	_, err = db.ExecContext(t.Context(), statement)
	return err
}
