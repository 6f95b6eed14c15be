package kills

import (
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/triport/triport-console/internal/referral"
)

// versionTable is what goose made at the migration to schema 1.
const versionTable = `CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1);`

// schema1 inserts rows of schema 1. After an error it does nothing.
type schema1 struct {
	tx  *sql.Tx
	rng *rand.Rand
	now int64 // microseconds since 1970, moves on
	ids []string
	err error
}

// createSchema1 replaces the database by one of schema 1 with that many users. It returns their ids.
func (f *fixture) createSchema1(users int) (ids []string) {
	f.t.Helper()
	f.removeDatabase()
	schema, err := os.ReadFile(filepath.Join("..", "..", "..", "internal", "store", "sqlite", "migrations", "00001_initial.sql"))
	if err != nil {
		f.t.Fatal(err)
	}
	db := f.Open()
	_, err = db.Exec("PRAGMA journal_mode = WAL; " + versionTable + string(schema))
	var tx *sql.Tx
	if err == nil {
		tx, err = db.Begin()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	o := &schema1{tx: tx, rng: f.rng, now: 1_750_000_000_000_000}
	for range users {
		o.addUser()
	}
	if err := errors.Join(o.err, tx.Commit(), db.Close()); err != nil {
		f.t.Fatal(err)
	}
	return o.ids
}

func (o *schema1) insert(table string, values ...any) {
	if o.err == nil {
		_, o.err = o.tx.Exec("INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
}

// time returns the next time. Every third is the same as the one before.
func (o *schema1) time() int64 {
	if o.rng.IntN(3) > 0 {
		o.now += o.rng.Int64N(3_000_000)
	}
	return o.now
}

func (o *schema1) uuid() string {
	var id uuid.UUID
	binary.NativeEndian.PutUint64(id[:8], o.rng.Uint64())
	binary.NativeEndian.PutUint64(id[8:], o.rng.Uint64())
	return id.String()
}

// attemptID returns an id as the server, a replay and a service chose it.
func (o *schema1) attemptID() string {
	switch id := o.uuid(); o.rng.IntN(4) {
	case 0:
		return "line_" + strings.ReplaceAll(id, "-", "")
	case 1:
		return strings.ToUpper(id)
	default:
		return id
	}
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// addUser inserts the next user and everything of it. What it has depends on its number.
func (o *schema1) addUser() {
	n, id, created := len(o.ids), o.uuid(), o.time()
	if n%10 == 9 {
		id = fmt.Sprintf("account:%028d", n) // a service chose it
	}
	o.ids = append(o.ids, id)
	var name string
	var disabled, revoked any
	if n%2 == 0 {
		name = fmt.Sprintf("Zoë \"%d\"", n)
	}
	if n%50 == 49 {
		disabled = o.time()
	}
	if n%7 == 6 {
		revoked = o.time()
	}
	o.insert("users", id, fmt.Sprintf("old-%d@example.com", n), name, created, disabled)
	o.insert("sessions", hash("token "+id), id, hash("csrf "+id), created, created+1_000_000, revoked)
	o.insert("codes", referral.UIDCode(id, referral.UIDCodeLength), id, "uid", created, nil)
	for i := range n % 4 {
		o.insert("codes", fmt.Sprintf("slug-%d-%d", n, i), id, "custom", o.time(), o.time())
	}
	if n%3 == 0 {
		o.insert("codes", fmt.Sprintf("slug-%d", n), id, "custom", o.time(), nil)
	}
	o.addRejections(n)
	if n > 0 && n%4 > 0 {
		o.addAttribution(n)
	}
}

// rejections are all that schema 1 could hold.
var rejections = []struct{ reason, detail any }{
	{"invalid_code", nil}, {"self_referral", nil}, {"referral_cycle", nil}, {"not_eligible", nil},
	{"unknown_code", "no_such_code"}, {"unknown_code", "code_disabled"}, {"unknown_code", "owner_disabled"},
}

// addRejections inserts up to seven rejections of the n-th user.
func (o *schema1) addRejections(n int) {
	for i := range o.rng.IntN(4) * o.rng.IntN(3) {
		r := rejections[(n+i)%len(rejections)]
		var referrer any
		switch r.reason {
		case "self_referral":
			referrer = o.ids[n]
		case "referral_cycle":
			referrer = o.ids[o.rng.IntN(n+1)]
		}
		o.addEvent(o.ids[n], "rejected", fmt.Sprintf("code-%d", i), referrer, r.reason, r.detail, o.time(), o.attemptID())
	}
}

// addAttribution credits an earlier user, so no cycle arises. The first users have many invitees.
func (o *schema1) addAttribution(n int) {
	of := o.rng.IntN(n)
	if o.rng.IntN(4) == 0 {
		of = o.rng.IntN(min(n, 10))
	}
	code := referral.UIDCode(o.ids[of], referral.UIDCodeLength)
	switch {
	case n%2 == 0 && of%3 == 0:
		code = fmt.Sprintf("slug-%d", of)
	case n%2 == 0 && of%4 > 0:
		code = fmt.Sprintf("slug-%d-0", of) // disabled
	}
	at, attempt := o.time(), o.attemptID()
	o.insert("attributions", o.ids[n], o.ids[of], code, at, attempt)
	o.addEvent(o.ids[n], "signup", code, o.ids[of], nil, nil, at, attempt)
}

func (o *schema1) addEvent(user, kind, code string, referrer, reason, detail any, at int64, attempt string) {
	source := []string{"live", "spool", "replay"}[o.rng.IntN(3)]
	var request any
	if source == "live" {
		request = "request-" + o.uuid()
	}
	o.insert("events", nil, at, user, kind, code, referrer, reason, detail, source, attempt, request)
}

// expectedInspection is what referral inspect has to print, from the rows of schema 1. A time is T(column).
const expectedInspection = `
SELECT json_object(
    'user', json_object('id', u.id, 'email', u.email, 'display_name', nullif(u.display_name, ''),
        'created_at', T(u.created_at), 'disabled_at', T(u.disabled_at)),
    'codes', json((SELECT json_group_array(json_object('code', code, 'kind', kind,
        'created_at', T(created_at), 'disabled_at', T(disabled_at)) ORDER BY kind DESC, created_at DESC, code)
        FROM codes WHERE user_id = u.id)),
    'referred_by', json((SELECT json_object('user_id', r.id, 'display_name', nullif(r.display_name, ''), 'code', a.code,
        'attributed_at', T(a.attributed_at), 'attempt_id', a.attempt_id)
        FROM attributions a JOIN users r ON r.id = a.referrer_id WHERE a.invitee_id = u.id)),
    'invitees', json((SELECT json_object('count', count(*), 'latest', json_group_array(json_object('user_id', i.id,
        'display_name', nullif(i.display_name, ''), 'code', a.code, 'attributed_at', T(a.attributed_at))
        ORDER BY a.attributed_at DESC, i.created_at DESC, i.id DESC))
        FROM attributions a JOIN users i ON i.id = a.invitee_id WHERE a.referrer_id = u.id)),
    'events', json((SELECT json_group_array(json_object('id', seq, 'at', T(at), 'type', type, 'code', code,
        'referrer_id', referrer_id, 'reason', reason, 'detail', detail, 'source', source, 'attempt_id', attempt_id,
        'request_id', request_id) ORDER BY seq DESC) FROM events WHERE user_id = u.id)),
    'pending', 0)
FROM users u WHERE u.id = ?`

// inspections returns the expected inspections of the first and of random users, by id.
func (f *fixture) inspections(ids []string) map[string]any {
	f.t.Helper()
	db := f.Open()
	defer func() { _ = db.Close() }()
	query := regexp.MustCompile(`\bT\(([a-z_.]+)\)`).ReplaceAllString(expectedInspection,
		`rtrim(rtrim(strftime('%Y-%m-%dT%H:%M:%S', $1 / 1000000, 'unixepoch') || printf('.%06d', $1 % 1000000), '0'), '.') || 'Z'`)
	sample := append([]string{}, ids[:4]...)
	for range 16 {
		sample = append(sample, ids[f.rng.IntN(len(ids))])
	}
	expected := make(map[string]any)
	for _, id := range sample {
		var text []byte
		err := db.QueryRow(query, id).Scan(&text)
		var inspection any
		if err == nil {
			err = json.Unmarshal(text, &inspection)
		}
		if err != nil {
			f.t.Fatal(err)
		}
		expected[id] = inspection
	}
	return expected
}
