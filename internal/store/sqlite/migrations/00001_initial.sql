-- +goose Up

-- "TRIP" in ASCII: tells this program's databases from other SQLite files.
PRAGMA application_id = 1414678864;

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

-- A code stays its owner's for ever: a link printed last year must never credit a stranger.
-- +goose StatementBegin
CREATE TRIGGER codes_no_delete BEFORE DELETE ON codes
BEGIN
    SELECT raise(ABORT, 'codes are never deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER codes_keep_owner BEFORE UPDATE OF code, user_id, kind ON codes
BEGIN
    SELECT raise(ABORT, 'a code keeps its owner and its kind');
END;
-- +goose StatementEnd

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
-- Counts a user's refusals of a day without reading their signups.
CREATE INDEX events_rejected ON events (user_id, at) WHERE type = 'rejected';

-- INSERT OR REPLACE would slip past these two without PRAGMA recursive_triggers.
-- +goose StatementBegin
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
-- +goose StatementEnd
