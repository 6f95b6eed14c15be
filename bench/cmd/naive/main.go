// Command naive is the endpoint as it is usually written: Fiber, a database/sql pool and one transaction
// per request. It has tables of its own, and the product's durability and checks.
package main

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	_ "modernc.org/sqlite"

	"github.com/triport/triport-console/bench/internal/serve"
	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	database := flag.String("database", "triport.db", "database `file`")
	people := flag.Int64("seed", 0, "create the database with so many `people`, and exit")
	flag.Parse()
	var err error
	if *people > 0 {
		err = fill(*database, *people)
	} else {
		err = run(*listen, *database)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "naive:", err)
		os.Exit(1)
	}
}

// maxConns limits the pool. The default, no limit and two idle connections, opens a connection for most
// requests.
const maxConns = 120

func run(listen, database string) (err error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout=10000", "journal_mode=wal", "synchronous=full", "foreign_keys=on", "recursive_triggers=on",
	}}
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(database)+"?"+q.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	if err := db.Ping(); err != nil {
		return err
	}
	app := serve.NewApp()
	app.Post(serve.Path, (&handler{db}).attribute)
	ln, err := serve.Listen(listen, os.Stdout)
	if err != nil {
		return err
	}
	return serve.Run(app, ln)
}

type handler struct{ db *sql.DB }

func (h *handler) attribute(c *fiber.Ctx) error {
	userID, status, err := h.signedIn(c)
	if err != nil || status != 0 {
		return errors.Join(err, c.SendStatus(status))
	}
	id := serve.RequestID()
	code := c.Cookies(auth.RefCookie)
	if code == "" {
		return serve.Answer(c, id, `{"attributed":false,"reason":"no_cookie"}`)
	}
	reason, err := h.decide(c.Context(), userID, referral.ParsePresentedCode(code), id)
	if err != nil {
		return err
	}
	if reason != "" {
		return serve.Answer(c, id, `{"attributed":false,"reason":"`+string(reason)+`"}`)
	}
	return serve.Answer(c, id, `{"attributed":true}`)
}

// signedIn checks the session and the CSRF token. A status other than 0 rejects the request.
func (h *handler) signedIn(c *fiber.Ctx) (userID string, status int, err error) {
	token := auth.HashToken(c.Cookies(auth.SessionCookie))
	var csrf []byte
	var expires int64
	var revoked, disabled sql.NullInt64
	err = h.db.QueryRowContext(c.Context(), `
SELECT s.csrf_hash, s.user_id, s.expires_at, s.revoked_at, u.disabled_at
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?`, token[:]).
		Scan(&csrf, &userID, &expires, &revoked, &disabled)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fiber.StatusUnauthorized, nil
	}
	if err != nil {
		return "", 0, err
	}
	if revoked.Valid || disabled.Valid || time.Now().UnixMicro() >= expires {
		return "", fiber.StatusUnauthorized, nil
	}
	header := c.Get("X-CSRF-Token")
	sum := auth.HashToken(header)
	if subtle.ConstantTimeCompare([]byte(header), []byte(c.Cookies(auth.CSRFCookie))) != 1 ||
		subtle.ConstantTimeCompare(sum[:], csrf) != 1 {
		return "", fiber.StatusForbidden, nil
	}
	return userID, 0, nil
}

// decide attributes the user, or returns the reason why not, in one transaction.
func (h *handler) decide(ctx context.Context, userID string, code referral.PresentedCode, requestID string) (referral.Reason, error) {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	attempt := referral.Attempt{
		ID: uuid.Must(uuid.NewV7()).String(), User: userID, Code: code, At: time.Now(), RequestID: requestID, Source: referral.SourceLive,
	}
	facts, err := readFacts(ctx, tx, userID, code.Text)
	if err != nil {
		return "", err
	}
	o := referral.Decide(attempt, facts, referral.Rules{})
	if err := write(ctx, tx, attempt, o); err != nil {
		return "", err
	}
	return o.Reason, tx.Commit()
}

func readFacts(ctx context.Context, tx *sql.Tx, userID, code string) (referral.Facts, error) {
	f := referral.Facts{InviteeID: userID}
	var created int64
	var referrer sql.NullString
	err := tx.QueryRowContext(ctx, `
SELECT u.created_at, a.referrer_id FROM users u LEFT JOIN attributions a ON a.invitee_id = u.id WHERE u.id = ?`, userID).
		Scan(&created, &referrer)
	if err != nil {
		return f, err
	}
	f.InviteeCreatedAt, f.HasReferrer = time.UnixMicro(created), referrer.Valid
	var owner referral.CodeFacts
	err = tx.QueryRowContext(ctx, `
SELECT c.user_id, c.disabled_at IS NOT NULL, o.disabled_at IS NOT NULL
FROM codes c JOIN users o ON o.id = c.user_id WHERE c.code = ?`, code).Scan(&owner.OwnerID, &owner.Disabled, &owner.OwnerDisabled)
	if errors.Is(err, sql.ErrNoRows) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.Code = &owner
	err = tx.QueryRowContext(ctx, `
WITH RECURSIVE up (id) AS (
    SELECT referrer_id FROM attributions WHERE invitee_id = ?1
    UNION
    SELECT a.referrer_id FROM attributions a JOIN up ON a.invitee_id = up.id
)
SELECT EXISTS (SELECT 1 FROM up WHERE id = ?2)`, owner.OwnerID, userID).Scan(&f.Cycle)
	return f, err
}

func write(ctx context.Context, tx *sql.Tx, a referral.Attempt, o referral.Outcome) error {
	e, ok := referral.EventOf(a, a.User, o)
	if !ok {
		return nil
	}
	if o.Attributed {
		_, err := tx.ExecContext(ctx, `
INSERT INTO attributions (invitee_id, referrer_id, code, attributed_at, attempt_id) VALUES (?, ?, ?, ?, ?)`,
			e.UserID, e.ReferrerID, e.Code, e.At.UnixMicro(), e.AttemptID)
		if err != nil {
			return err
		}
	}
	orNull := func(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
	_, err := tx.ExecContext(ctx, `
INSERT INTO events (at, user_id, type, code, referrer_id, reason, detail, source, attempt_id, request_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.At.UnixMicro(), e.UserID, string(e.Type), e.Code, orNull(e.ReferrerID), orNull(string(e.Reason)), orNull(e.Detail),
		string(e.Source), e.AttemptID, e.RequestID)
	return err
}
