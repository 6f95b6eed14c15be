-- A database of schema 1 as that program left it: the .dump of the sqlite3 shell, and its application_id.
PRAGMA application_id = 1414678864;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version VALUES(1,0,1,'2026-11-24 22:35:38');
INSERT INTO goose_db_version VALUES(2,1,1,'2026-11-24 22:35:38');
CREATE TABLE users (
    id           TEXT    NOT NULL PRIMARY KEY CHECK (length(id) = 36),
    email        TEXT    NOT NULL UNIQUE CHECK (email = lower(email)),
    display_name TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    disabled_at  INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO users VALUES('01a20fb3-4c6d-7806-84ea-951d06086f48','ann@example.com','ann',1795559738477527,NULL);
INSERT INTO users VALUES('01a20fb3-4c79-7af4-b027-d153b1e07405','bob@example.com','bob',1795559738489718,NULL);
INSERT INTO users VALUES('01a20fb3-4c87-7535-8cbb-70d7bbd57667','carl@example.com','carl',1795559738503342,NULL);
INSERT INTO users VALUES('01a20fb3-4c96-71a3-bb69-8072a07cc84d','dora@example.com','dora',1795559738518108,1795559741216272);
INSERT INTO users VALUES('01a20fb3-4ca2-7e89-bd3f-a804a8463f0c','eve@example.com','eve',1795559738530953,NULL);
INSERT INTO users VALUES('01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','fay@example.com','fay',1795559738543966,NULL);
INSERT INTO users VALUES('01a20fb3-4cbc-793d-8998-27798ba11bc5','gus@example.com','gus',1795559738556606,NULL);
CREATE TABLE sessions (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    TEXT    NOT NULL REFERENCES users (id),
    csrf_hash  BLOB    NOT NULL CHECK (length(csrf_hash) = 32),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO sessions VALUES(X'26d0adf1f93698ed6b385bb487b1af0b70ddb2efb5d4e8b50e32f395deab4058','01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa',X'8bb91c86f10b001535a42161a56e675c53026ecc7d97b0a6807b73cbabb2a03f',1795559741344078,1798151741344078,NULL);
INSERT INTO sessions VALUES(X'2b10ed19f7fbdfd6626ffcf5c90b55529a0202995822ac26968a8a234f1c24a0','01a20fb3-4c6d-7806-84ea-951d06086f48',X'f13eb77d570b5b34099b26e0ffde59952c8c05b5eba74250bb9408c490f6a0ca',1795559740415504,1798151740415504,NULL);
INSERT INTO sessions VALUES(X'5be142462e9da3df7afe25544a822613506088e2b8d9a946b89c0017c17b8031','01a20fb3-4c87-7535-8cbb-70d7bbd57667',X'dfa8aca39052905b2cfa795bd4d061612dd014ae34f0376cce51869278101ad7',1795559739919476,1798151739919476,NULL);
INSERT INTO sessions VALUES(X'5c017a9fdec42cb7b35e89f317f5c71e9eb0c08fab0179eb3d9f7213044fd539','01a20fb3-4c6d-7806-84ea-951d06086f48',X'58dab68c09644654c99125c87edb42f199b360cab32247fd25a9828ce4dc0e8c',1795559740291752,1798151740291752,NULL);
INSERT INTO sessions VALUES(X'8e858fd59430c5dc94021285b83c023d4912624bded042293c8bb34135f8aba8','01a20fb3-4c96-71a3-bb69-8072a07cc84d',X'946a582c469231a33c26c1d271e8bef1153e40fc736589c542d298e7621c4ef8',1795559741197979,1798151741197979,NULL);
INSERT INTO sessions VALUES(X'9cc6fcd67a11712c419c8fe05a0b9f06c52e2f2f4f194db540ed30ea6d16416a','01a20fb3-4c79-7af4-b027-d153b1e07405',X'6c79b7e6cacc71329a35230940c2d5043654964710deff35e8aaa2b1c759c393',1795559739749190,1798151739749190,1795559741590655);
INSERT INTO sessions VALUES(X'b7ecf730255c8b025fb1eb5b53b129c17e8927f48319feaa95f406d381728944','01a20fb3-4c6d-7806-84ea-951d06086f48',X'b50f3ffc6beafd489045814c979637a70a792e4daceb085f9d879e23817bc569',1795559740626970,1798151740626970,NULL);
INSERT INTO sessions VALUES(X'c26afde2c5be1b024694d245e60663aff88bfae525a06c51469783faabd6ceb7','01a20fb3-4cbc-793d-8998-27798ba11bc5',X'8d24eebc8a0eb81ab266329c72c8e771a71d4d0b54ec288d5b8e974eac174a85',1795559741052597,1798151741052597,NULL);
INSERT INTO sessions VALUES(X'c4dd597b67acef3aab51c222c58d8bba6d30df284b4aa9ec50918c2281e95ece','01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa',X'e42e7494dd1a55dd8df41c458118329b23ddf5df8f8c7cbb5ce4da8d4bd3e0c5',1795559740760181,1798151740760181,NULL);
INSERT INTO sessions VALUES(X'dc1cb008ac89e4b620efe49554afe05e70271bb07ed733406f27a6c20c71e566','01a20fb3-4c6d-7806-84ea-951d06086f48',X'd0762c07dcd4dbd663a1f45b770c153f2934fd4444a8e98f5d49e7d97b0e4d92',1795559740171441,1798151740171441,NULL);
CREATE TABLE codes (
    code        TEXT    NOT NULL PRIMARY KEY CHECK (length(code) BETWEEN 3 AND 32),
    user_id     TEXT    NOT NULL REFERENCES users (id),
    kind        TEXT    NOT NULL CHECK (kind IN ('uid', 'custom')),
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    CHECK (kind = 'custom' OR disabled_at IS NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO codes VALUES('3b4m88w0nh','01a20fb3-4c96-71a3-bb69-8072a07cc84d','uid',1795559738518108,NULL);
INSERT INTO codes VALUES('6cdka8d67k','01a20fb3-4ca2-7e89-bd3f-a804a8463f0c','uid',1795559738530953,NULL);
INSERT INTO codes VALUES('ann-first','01a20fb3-4c6d-7806-84ea-951d06086f48','custom',1795559738581374,1795559738594208);
INSERT INTO codes VALUES('ann-second','01a20fb3-4c6d-7806-84ea-951d06086f48','custom',1795559738594208,NULL);
INSERT INTO codes VALUES('eve-link','01a20fb3-4ca2-7e89-bd3f-a804a8463f0c','custom',1795559738606647,1795559738618878);
INSERT INTO codes VALUES('h3t2nw06tk','01a20fb3-4c6d-7806-84ea-951d06086f48','uid',1795559738477527,NULL);
INSERT INTO codes VALUES('jz9qqd8pb2','01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','uid',1795559738543966,NULL);
INSERT INTO codes VALUES('py75f37fz9','01a20fb3-4c79-7af4-b027-d153b1e07405','uid',1795559738489718,NULL);
INSERT INTO codes VALUES('ytfdfr1fkm','01a20fb3-4cbc-793d-8998-27798ba11bc5','uid',1795559738556606,NULL);
INSERT INTO codes VALUES('zq6m0qa9f7','01a20fb3-4c87-7535-8cbb-70d7bbd57667','uid',1795559738503342,NULL);
CREATE TABLE attributions (
    invitee_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id),
    referrer_id   TEXT    NOT NULL REFERENCES users (id),
    code          TEXT    NOT NULL REFERENCES codes (code),
    attributed_at INTEGER NOT NULL,
    attempt_id    TEXT    NOT NULL,
    CHECK (invitee_id <> referrer_id)
) STRICT, WITHOUT ROWID;
INSERT INTO attributions VALUES('01a20fb3-4c79-7af4-b027-d153b1e07405','01a20fb3-4c6d-7806-84ea-951d06086f48','h3t2nw06tk',1795559739908935,'01a20fb3-5204-7e3b-a026-04f8f82dabde');
INSERT INTO attributions VALUES('01a20fb3-4c87-7535-8cbb-70d7bbd57667','01a20fb3-4c6d-7806-84ea-951d06086f48','ann-second',1795559740053647,'01a20fb3-5295-79d5-9f61-3b0a06890f3c');
INSERT INTO attributions VALUES('01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','01a20fb3-4c87-7535-8cbb-70d7bbd57667','zq6m0qa9f7',1770091507000000,'line_9db133bfccb2cac98f9103bdf4e94433');
INSERT INTO attributions VALUES('01a20fb3-4cbc-793d-8998-27798ba11bc5','01a20fb3-4c6d-7806-84ea-951d06086f48','h3t2nw06tk',1795559741187532,'01a20fb3-5703-7812-bf19-1fb598a55743');
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
INSERT INTO events VALUES(1,1795559739908935,'01a20fb3-4c79-7af4-b027-d153b1e07405','signup','h3t2nw06tk','01a20fb3-4c6d-7806-84ea-951d06086f48',NULL,NULL,'live','01a20fb3-5204-7e3b-a026-04f8f82dabde','req_2effc28a71c7db37');
INSERT INTO events VALUES(2,1795559740053647,'01a20fb3-4c87-7535-8cbb-70d7bbd57667','signup','ann-second','01a20fb3-4c6d-7806-84ea-951d06086f48',NULL,NULL,'live','01a20fb3-5295-79d5-9f61-3b0a06890f3c','req_b9feae5437d058e5');
INSERT INTO events VALUES(3,1795559740282505,'01a20fb3-4c6d-7806-84ea-951d06086f48','rejected','h3t2nw06tk','01a20fb3-4c6d-7806-84ea-951d06086f48','self_referral',NULL,'live','01a20fb3-537a-77aa-962c-da02e91cc7dd','req_1890d4c809f236af');
INSERT INTO events VALUES(4,1795559740406316,'01a20fb3-4c6d-7806-84ea-951d06086f48','rejected','nobody-here',NULL,'unknown_code','no_such_code','live','01a20fb3-53f6-74c9-b544-73d95aae976f','req_127c4103a2b87de4');
INSERT INTO events VALUES(5,1795559740523600,'01a20fb3-4c6d-7806-84ea-951d06086f48','rejected','b!d',NULL,'invalid_code',NULL,'live','01a20fb3-546b-790f-9a7f-0ee6e966297c','req_db8a68a54c9f9a95');
INSERT INTO events VALUES(6,1795559740746403,'01a20fb3-4c6d-7806-84ea-951d06086f48','rejected','py75f37fz9','01a20fb3-4c79-7af4-b027-d153b1e07405','referral_cycle',NULL,'live','01a20fb3-554a-761d-baa7-d075867a1783','req_23bd02cae5c6801c');
INSERT INTO events VALUES(7,1795559740903880,'01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','rejected','eve-link','01a20fb3-4ca2-7e89-bd3f-a804a8463f0c','unknown_code','code_disabled','live','01a20fb3-55e7-7d63-9ad0-beb99576293d','req_afefe680921cfc7e');
INSERT INTO events VALUES(8,1795559741187532,'01a20fb3-4cbc-793d-8998-27798ba11bc5','signup','h3t2nw06tk','01a20fb3-4c6d-7806-84ea-951d06086f48',NULL,NULL,'live','01a20fb3-5703-7812-bf19-1fb598a55743','req_7e686b5000a46d72');
INSERT INTO events VALUES(9,1795559741476250,'01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','rejected','3b4m88w0nh','01a20fb3-4c96-71a3-bb69-8072a07cc84d','unknown_code','owner_disabled','live','01a20fb3-5824-73c7-9d6a-2464f5cdb4fe','req_c1839e5525d1b80b');
INSERT INTO events VALUES(10,1770091506000007,'01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','rejected','carl-none',NULL,'unknown_code','no_such_code','replay','hand-1',NULL);
INSERT INTO events VALUES(11,1770091507000000,'01a20fb3-4caf-7ebe-a50c-4a5faf1b3eaa','signup','zq6m0qa9f7','01a20fb3-4c87-7535-8cbb-70d7bbd57667',NULL,NULL,'replay','line_9db133bfccb2cac98f9103bdf4e94433',NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('goose_db_version',2);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX codes_user ON codes (user_id);
CREATE UNIQUE INDEX codes_one_uid ON codes (user_id) WHERE kind = 'uid';
CREATE UNIQUE INDEX codes_one_active_custom ON codes (user_id) WHERE kind = 'custom' AND disabled_at IS NULL;
CREATE INDEX attributions_referrer ON attributions (referrer_id, attributed_at);
CREATE INDEX events_user ON events (user_id, seq);
CREATE UNIQUE INDEX events_attempt ON events (attempt_id, type) WHERE attempt_id IS NOT NULL;
CREATE INDEX events_rejected ON events (user_id, at) WHERE type = 'rejected';
CREATE TRIGGER codes_no_delete BEFORE DELETE ON codes
BEGIN
    SELECT raise(ABORT, 'codes are never deleted');
END;
CREATE TRIGGER codes_keep_owner BEFORE UPDATE OF code, user_id, kind ON codes
BEGIN
    SELECT raise(ABORT, 'a code keeps its owner and its kind');
END;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN
    SELECT raise(ABORT, 'events are append-only');
END;
COMMIT;
