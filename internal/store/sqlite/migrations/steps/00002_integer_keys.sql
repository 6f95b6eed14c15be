-- Users get a number, which the tables that grow with attributions refer to; small words become numbers (words.go).
-- A UUID is its 16 bytes: half of what its text takes. A time is in microseconds since 1970, up to the year 9999.
-- Each line "-- step:" begins a step of the progress bar.

-- step: the tables
-- The old triggers would run for the rows that go, and the old indexes have the names of new ones.
DROP TRIGGER codes_no_delete;
DROP TRIGGER codes_keep_owner;
DROP TRIGGER events_no_update;
DROP TRIGGER events_no_delete;
DROP INDEX sessions_user;
DROP INDEX codes_user;
DROP INDEX codes_one_uid;
DROP INDEX codes_one_active_custom;
DROP INDEX attributions_referrer;
DROP INDEX events_user;
DROP INDEX events_rejected;
ALTER TABLE users RENAME TO old_users;
ALTER TABLE sessions RENAME TO old_sessions;
ALTER TABLE codes RENAME TO old_codes;
ALTER TABLE attributions RENAME TO old_attributions;
ALTER TABLE events RENAME TO old_events;

CREATE TABLE users (
    n            INTEGER NOT NULL PRIMARY KEY CHECK (n > 0),
    id           ANY     NOT NULL UNIQUE CHECK (
        typeof(id) = 'blob' AND length(id) = 16
        OR typeof(id) = 'text' AND octet_length(id) BETWEEN 1 AND 128 AND length(id) = octet_length(id) AND id NOT GLOB '*[^A-Za-z0-9_.:@|-]*'
        AND NOT (id LIKE '________-____-____-____-____________' AND ifnull(length(unhex(id, '-')), 0) = 16)
    ),
    email        TEXT    UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    display_name TEXT    NOT NULL,
    created_at   INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999999),
    disabled_at  INTEGER CHECK (disabled_at BETWEEN 0 AND 253402300799999999)
) STRICT;

-- The user's id, not the number: a lookup needs no other table.
CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    ANY     NOT NULL REFERENCES users (id),
    csrf_hash  BLOB    NOT NULL CHECK (length(csrf_hash) = 32),
    created_at INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999999),
    expires_at INTEGER NOT NULL CHECK (expires_at BETWEEN 0 AND 253402300799999999),
    revoked_at INTEGER CHECK (revoked_at BETWEEN 0 AND 253402300799999999)
) STRICT, WITHOUT ROWID;

CREATE TABLE codes (
    code        TEXT    NOT NULL PRIMARY KEY CHECK (
        octet_length(code) BETWEEN 3 AND 32 AND length(code) = octet_length(code) AND code NOT GLOB '*[^a-z0-9-]*' AND code NOT GLOB '-*' AND code NOT GLOB '*-'
    ),
    owner       INTEGER NOT NULL REFERENCES users (n),
    kind        INTEGER NOT NULL CHECK (kind IN (1, 2)), -- uid, custom
    created_at  INTEGER NOT NULL CHECK (created_at BETWEEN 0 AND 253402300799999999),
    disabled_at INTEGER CHECK (disabled_at BETWEEN 0 AND 253402300799999999),
    CHECK (kind = 2 OR disabled_at IS NULL)
) STRICT, WITHOUT ROWID;

CREATE TABLE attributions (
    invitee       INTEGER NOT NULL PRIMARY KEY REFERENCES users (n),
    referrer      INTEGER NOT NULL REFERENCES users (n),
    code          TEXT    NOT NULL REFERENCES codes (code),
    attributed_at INTEGER NOT NULL CHECK (attributed_at BETWEEN 0 AND 253402300799999999),
    attempt_id    ANY     NOT NULL CHECK (typeof(attempt_id) IN ('blob', 'text')),
    event         INTEGER NOT NULL, -- the seq of its signup event
    CHECK (invitee <> referrer)
) STRICT;

-- The writer has just read the users of an event: foreign keys would cost a tenth of an attribution. db check verifies.
CREATE TABLE events (
    seq        INTEGER NOT NULL PRIMARY KEY,
    at         INTEGER NOT NULL CHECK (at BETWEEN 0 AND 253402300799999999),
    user       INTEGER NOT NULL,
    type       INTEGER NOT NULL CHECK (type > 0),
    code       TEXT,
    referrer   INTEGER,
    reason     INTEGER,
    detail     INTEGER,
    source     INTEGER,
    attempt_id ANY CHECK (attempt_id IS NULL OR typeof(attempt_id) IN ('blob', 'text')), -- a list of three costs a temporary table
    request_id TEXT,
    CHECK ((type = 2) = (reason IS NOT NULL)) -- rejected
) STRICT;

-- What serve decided with, for replay.
CREATE TABLE settings (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE numbers (
    old_id TEXT    NOT NULL PRIMARY KEY,
    n      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- step: users
INSERT INTO users (id, email, display_name, created_at, disabled_at)
SELECT CASE WHEN id LIKE '________-____-____-____-____________' AND length(unhex(id, '-')) = 16 THEN unhex(id, '-') ELSE id END,
    email, display_name, created_at, disabled_at
FROM old_users ORDER BY created_at, id;
INSERT INTO numbers (old_id, n)
SELECT o.id, u.n FROM old_users o JOIN users u ON u.id
    = CASE WHEN o.id LIKE '________-____-____-____-____________' AND length(unhex(o.id, '-')) = 16 THEN unhex(o.id, '-') ELSE o.id END;

-- A disabled user's sessions are revoked from now on, so that enabling the user does not bring them back. Services could
-- write sessions: one of an unknown user is left out, and a time out of range is brought into it.
-- step: sessions
INSERT INTO sessions (token_hash, user_id, csrf_hash, created_at, expires_at, revoked_at)
SELECT s.token_hash,
    CASE WHEN s.user_id LIKE '________-____-____-____-____________' AND length(unhex(s.user_id, '-')) = 16
        THEN unhex(s.user_id, '-') ELSE s.user_id END,
    s.csrf_hash, min(max(s.created_at, 0), 253402300799999999), min(max(s.expires_at, 0), 253402300799999999),
    min(max(ifnull(s.revoked_at, u.disabled_at), 0), 253402300799999999)
FROM old_sessions s JOIN old_users u ON u.id = s.user_id;
CREATE INDEX sessions_user ON sessions (user_id);
DROP TABLE old_sessions;

-- step: codes
INSERT INTO codes (code, owner, kind, created_at, disabled_at)
SELECT c.code, m.n, CASE c.kind WHEN 'uid' THEN 1 ELSE 2 END, c.created_at, c.disabled_at
FROM old_codes c LEFT JOIN numbers m ON m.old_id = c.user_id;
CREATE UNIQUE INDEX codes_one_uid ON codes (owner) WHERE kind = 1;
CREATE INDEX codes_custom ON codes (owner) WHERE kind = 2;
CREATE UNIQUE INDEX codes_one_active_custom ON codes (owner) WHERE kind = 2 AND disabled_at IS NULL;

-- step: attributions
INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
SELECT i.n, r.n, a.code, a.attributed_at,
    CASE WHEN a.attempt_id LIKE '________-____-____-____-____________' AND length(unhex(a.attempt_id, '-')) = 16
        AND a.attempt_id = lower(a.attempt_id) THEN unhex(a.attempt_id, '-') ELSE a.attempt_id END,
    ifnull((SELECT seq FROM old_events e WHERE e.attempt_id = a.attempt_id AND e.type = 'signup'), 0)
FROM old_attributions a LEFT JOIN numbers i ON i.old_id = a.invitee_id LEFT JOIN numbers r ON r.old_id = a.referrer_id;
CREATE INDEX attributions_referrer ON attributions (referrer, attributed_at);

-- step: events
INSERT INTO events (seq, at, user, type, code, referrer, reason, detail, source, attempt_id, request_id)
SELECT e.seq, e.at, u.n, CASE e.type WHEN 'signup' THEN 1 WHEN 'rejected' THEN 2 END, e.code, r.n,
    CASE e.reason WHEN 'invalid_code' THEN 1 WHEN 'self_referral' THEN 2 WHEN 'unknown_code' THEN 3
        WHEN 'referral_cycle' THEN 4 WHEN 'not_eligible' THEN 5 END,
    CASE e.detail WHEN 'no_such_code' THEN 1 WHEN 'code_disabled' THEN 2 WHEN 'owner_disabled' THEN 3 END,
    CASE e.source WHEN 'live' THEN 1 WHEN 'spool' THEN 2 WHEN 'replay' THEN 3 END,
    CASE WHEN e.attempt_id LIKE '________-____-____-____-____________' AND length(unhex(e.attempt_id, '-')) = 16
        AND e.attempt_id = lower(e.attempt_id) THEN unhex(e.attempt_id, '-') ELSE e.attempt_id END,
    e.request_id
FROM old_events e LEFT JOIN numbers u ON u.old_id = e.user_id LEFT JOIN numbers r ON r.old_id = e.referrer_id;
-- Rejections are few. They are found by their attempt, and counted by day for the limit, which leaves replays out.
CREATE UNIQUE INDEX events_rejected ON events (user, attempt_id) WHERE reason IS NOT NULL;
CREATE INDEX events_limited ON events (user, at) WHERE reason IS NOT NULL AND source <> 3;

-- step: the old tables
DROP TABLE old_events;
DROP TABLE old_attributions;
DROP TABLE old_codes;
DROP TABLE old_users;
DROP TABLE numbers;

CREATE TRIGGER users_keep_id BEFORE UPDATE OF n, id ON users
BEGIN
    SELECT raise(ABORT, 'a user keeps its id');
END;

-- A code stays its owner's: a link printed last year must never credit a stranger.
CREATE TRIGGER codes_no_delete BEFORE DELETE ON codes
BEGIN
    SELECT raise(ABORT, 'codes are never deleted');
END;
CREATE TRIGGER codes_keep_owner BEFORE UPDATE OF code, owner, kind ON codes
BEGIN
    SELECT raise(ABORT, 'a code keeps its owner and its kind');
END;

-- INSERT OR REPLACE would bypass the triggers below without PRAGMA recursive_triggers.
CREATE TRIGGER attributions_no_update BEFORE UPDATE ON attributions
BEGIN
    SELECT raise(ABORT, 'attributions are permanent');
END;
CREATE TRIGGER attributions_no_delete BEFORE DELETE ON attributions
BEGIN
    SELECT raise(ABORT, 'attributions are permanent');
END;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
