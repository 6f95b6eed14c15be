package main

import (
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/pocketbase/pocketbase/core"

	"github.com/triport/triport-console/bench/internal/serve"
	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// attribute is the endpoint: session, CSRF, then one transaction.
func attribute(e *core.RequestEvent) error {
	user, err := signedIn(e)
	if err != nil {
		return err
	}
	requestID := serve.RequestID()
	h := e.Response.Header()
	h.Set("X-Request-Id", requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("Set-Cookie", serve.DeleteRefCode)
	code := cookie(e, auth.RefCookie)
	reason := referral.ReasonNoCookie
	if code != "" {
		if reason, err = decide(e.App, user, referral.ParsePresentedCode(code), requestID); err != nil {
			return err
		}
	}
	if reason == "" {
		return e.Blob(http.StatusOK, "application/json", []byte(`{"attributed":true}`))
	}
	return e.Blob(http.StatusOK, "application/json", []byte(`{"attributed":false,"reason":"`+string(reason)+`"}`))
}

func cookie(e *core.RequestEvent, name string) string {
	c, err := e.Request.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func signedIn(e *core.RequestEvent) (user string, err error) {
	token := auth.HashToken(cookie(e, auth.SessionCookie))
	login, err := e.App.FindFirstRecordByData("logins", "token", hex.EncodeToString(token[:]))
	if err != nil {
		return "", e.UnauthorizedError("", nil)
	}
	person, err := e.App.FindFirstRecordByData("people", "user", login.GetString("user"))
	if err != nil || person.GetString("disabled") != "" {
		return "", e.UnauthorizedError("", nil)
	}
	header := e.Request.Header.Get("X-CSRF-Token")
	sum := auth.HashToken(header)
	if subtle.ConstantTimeCompare([]byte(header), []byte(cookie(e, auth.CSRFCookie))) != 1 ||
		subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(login.GetString("csrf"))) != 1 {
		return "", e.ForbiddenError("", nil)
	}
	return person.GetString("user"), nil
}

// decide attributes the user, or returns the reason why not.
func decide(app core.App, user string, code referral.PresentedCode, requestID string) (reason referral.Reason, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		f := referral.Facts{InviteeID: user}
		a, err := find(tx, "attributions", "invitee", user)
		if err != nil {
			return err
		}
		if a != nil {
			f.HasReferrer = true
		}
		c, err := find(tx, "codes", "code", code.Text)
		if err != nil {
			return err
		}
		if c != nil {
			f.Code = &referral.CodeFacts{OwnerID: c.GetString("user"), Disabled: c.GetString("disabled") != ""}
			if f.Cycle, err = leadsTo(tx, f.Code.OwnerID, user); err != nil {
				return err
			}
		}
		o := referral.Decide(referral.Attempt{Code: code}, f, referral.Rules{})
		reason = o.Reason
		return write(tx, o, user, code.Text, requestID)
	})
	return reason, err
}

// leadsTo reports whether the chain of referrers of from contains to.
func leadsTo(tx core.App, from, to string) (bool, error) {
	for {
		a, err := find(tx, "attributions", "invitee", from)
		if err != nil || a == nil {
			return false, err
		}
		if from = a.GetString("referrer"); from == to {
			return true, nil
		}
	}
}

func find(tx core.App, collection, key, value string) (*core.Record, error) {
	r, err := tx.FindFirstRecordByData(collection, key, value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

func write(tx core.App, o referral.Outcome, user, code, requestID string) error {
	if !o.Attributed && !o.Reason.Audited() {
		return nil
	}
	attempt, event := uuid.Must(uuid.NewV7()).String(), referral.EventRejected
	if o.Attributed {
		event = referral.EventSignup
		err := save(tx, "attributions", map[string]any{"invitee": user, "referrer": o.ReferrerID, "code": code, "attempt": attempt})
		if err != nil {
			return err
		}
	}
	return save(tx, "events", map[string]any{
		"user": user, "type": string(event), "code": code, "referrer": o.ReferrerID, "reason": string(o.Reason),
		"source": "live", "attempt": attempt, "request": requestID,
	})
}

func save(tx core.App, collection string, fields map[string]any) error {
	c, err := tx.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return err
	}
	r := core.NewRecord(c)
	r.Load(fields)
	return tx.Save(r)
}
