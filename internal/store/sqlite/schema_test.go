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
	const user = `INSERT INTO users (id, email, display_name, created_at, disabled_at) VALUES `
	const event = `INSERT INTO events (at, user, type, reason, attempt_id) `
	rows := []struct{ name, statement, rejection string }{
		{"a second user with the e-mail address", user + `('x', 'ann@example.com', '', 0, NULL)`, "UNIQUE constraint failed: users.email"},
		{"an e-mail address in upper case", user + `('x', 'Ann@example.com', '', 0, NULL)`, "email = lower(email)"},
		{"an empty id", user + `('', NULL, '', 0, NULL)`, "typeof(id) ="},
		{"an id with a space", user + `('a b', NULL, '', 0, NULL)`, "typeof(id) ="},
		{"an id with a character of two bytes", user + `('é', NULL, '', 0, NULL)`, "typeof(id) ="},
		{"an id of 129 characters", user + `(printf('%.129c', 'x'), NULL, '', 0, NULL)`, "typeof(id) ="},
		{"a UUID as text", user + `('00000000-0000-4000-8000-00000000000A', NULL, '', 0, NULL)`, "typeof(id) ="},
		{"a number as id", user + `(5, NULL, '', 0, NULL)`, "typeof(id) ="},
		{"an id changed", `UPDATE users SET id = 'x' WHERE n = 1`, "a user keeps its id"},
		{"a time as text", user + `('x', NULL, '', 'today', NULL)`, "cannot store TEXT value in INTEGER column users.created_at"},
		{"a time in nanoseconds", user + `('x', NULL, '', 1767225600000000000, NULL)`, "created_at BETWEEN"},
		{"a time before 1970", user + `('x', NULL, '', -1, NULL)`, "created_at BETWEEN"},
		{"a session of an unknown user", `INSERT INTO sessions VALUES (zeroblob(32), 'x', zeroblob(32), 0, 0, NULL)`, "FOREIGN KEY constraint failed"},
		{"a token hash that is not 32 bytes long", `INSERT INTO sessions VALUES (X'00', (SELECT id FROM users), zeroblob(32), 0, 0, NULL)`, "length(token_hash) = 32"},
		{"a code of an unknown user", `INSERT INTO codes VALUES ('free', 99, 2, 0, NULL)`, "FOREIGN KEY constraint failed"},
		{"a code that exists", `INSERT INTO codes VALUES ('slug', 2, 2, 0, NULL)`, "UNIQUE constraint failed: codes.code"},
		{"a code in upper case", `INSERT INTO codes VALUES ('Free', 2, 2, 0, NULL)`, "octet_length(code)"},
		{"a second uid code", `INSERT INTO codes VALUES ('free', 1, 1, 0, NULL)`, "UNIQUE constraint failed: codes.owner"},
		{"a second active slug", `INSERT INTO codes VALUES ('free', 1, 2, 0, NULL)`, "UNIQUE constraint failed: codes.owner"},
		{"a disabled uid code", `UPDATE codes SET disabled_at = 1 WHERE kind = 1`, "kind = 2 OR disabled_at IS NULL"},
		{"a code of another kind", `INSERT INTO codes VALUES ('free', 1, 3, 0, NULL)`, "kind IN (1, 2)"},
		{"a code deleted", `DELETE FROM codes WHERE code = 'slug'`, "codes are never deleted"},
		{"a code given away", `UPDATE codes SET owner = 2 WHERE code = 'slug'`, "a code keeps its owner and its kind"},
		{"a second referrer", `INSERT INTO attributions VALUES (2, 1, 'slug', 0, 'x', 1)`, "UNIQUE constraint failed: attributions.invitee"},
		{"a self-referral", `INSERT INTO attributions VALUES (1, 1, 'slug', 0, 'x', 1)`, "invitee <> referrer"},
		{"an attribution by an unknown code", `INSERT INTO attributions VALUES (1, 2, 'unused-code', 0, 'x', 1)`, "FOREIGN KEY constraint failed"},
		{"an attribution changed", `UPDATE attributions SET attributed_at = 0`, "attributions are permanent"},
		{"an attribution deleted", `DELETE FROM attributions`, "attributions are permanent"},
		{"an event changed", `UPDATE events SET code = 'slug'`, "events are append-only"},
		{"an event deleted", `DELETE FROM events`, "events are append-only"},
		{"an event replaced", `INSERT OR REPLACE INTO events (seq, at, user, type) VALUES (1, 0, 1, 1)`, "events are append-only"},
		{"a rejection without a reason", event + `VALUES (0, 1, 2, NULL, NULL)`, "(type = 2) = (reason IS NOT NULL)"},
		{"an attempt rejected twice", event + `VALUES (0, 1, 2, 1, 'x'), (0, 1, 2, 1, 'x')`, "UNIQUE constraint failed: events.user, events.attempt_id"},
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
