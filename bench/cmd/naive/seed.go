package main

import (
	"context"
	"database/sql"

	"github.com/triport/triport-console/bench/internal/seed"
)

// schema has the tables as they are usually written: the text of UUIDs as keys, all foreign keys, an index for every question.
const schema = `
CREATE TABLE users (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    email        TEXT    NOT NULL UNIQUE CHECK (email = lower(email)),
    display_name TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    disabled_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    csrf_hash  BLOB    NOT NULL CHECK (length(csrf_hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE codes (
    code        TEXT    NOT NULL PRIMARY KEY CHECK (length(code) BETWEEN 3 AND 32),
    user_id     TEXT    NOT NULL REFERENCES users (id),
    kind        TEXT    NOT NULL CHECK (kind IN ('uid', 'custom')),
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    CHECK (kind = 'custom' OR disabled_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_user ON codes (user_id);
CREATE UNIQUE INDEX codes_one_uid ON codes (user_id) WHERE kind = 'uid';
CREATE UNIQUE INDEX codes_one_active_custom ON codes (user_id) WHERE kind = 'custom' AND disabled_at IS NULL;

CREATE TABLE attributions (
    invitee_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id),
    referrer_id   TEXT    NOT NULL REFERENCES users (id),
    code          TEXT    NOT NULL REFERENCES codes (code),
    attributed_at INTEGER NOT NULL,
    attempt_id    TEXT    NOT NULL,
    CHECK (invitee_id <> referrer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX attributions_referrer ON attributions (referrer_id, attributed_at);

CREATE TABLE events (
    seq         INTEGER NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    user_id     TEXT    NOT NULL REFERENCES users (id),
    type        TEXT    NOT NULL CHECK (type <> ''),
    code        TEXT,
    referrer_id TEXT REFERENCES users (id),
    reason      TEXT,
    detail      TEXT,
    source      TEXT,
    attempt_id  TEXT,
    request_id  TEXT,
    CHECK ((type = 'rejected') = (reason IS NOT NULL))
) STRICT;
CREATE INDEX events_user ON events (user_id, seq);
CREATE UNIQUE INDEX events_attempt ON events (attempt_id, type) WHERE attempt_id IS NOT NULL;
CREATE INDEX events_rejected ON events (user_id, at) WHERE type = 'rejected';
`

// rows fill users, codes and sessions; ?3 is the time of the first account.
var rows = []string{
	`INSERT INTO users (id, email, display_name, created_at)
	 SELECT person_text_id(n), person_email(n), 'Person ' || n, ?3 + n * 1000 FROM people`,
	`INSERT INTO codes (code, user_id, kind, created_at)
	 SELECT person_code(n), person_text_id(n), 'uid', ?3 + n * 1000 FROM people`,
	`INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at)
	 SELECT person_token(n), person_text_id(n), person_csrf(n), ?3 + n * 1000, 32503680000000000 FROM people WHERE n >= 1000`,
}

// fill creates the database with the referrers and so many people with sessions.
func fill(database string, people int64) error {
	if err := seed.Register(); err != nil {
		return err
	}
	ctx := context.Background()
	return seed.Bulk(ctx, database, func(db *sql.DB) error {
		if _, err := db.ExecContext(ctx, schema); err != nil {
			return err
		}
		for _, query := range rows {
			if err := seed.Insert(ctx, db, query, 0, seed.Referrers+people); err != nil {
				return err
			}
		}
		return nil
	})
}
