package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// Attribute implements referral.Store.
func (s *Store) Attribute(ctx context.Context, a referral.Attempt, rules referral.Rules) (referral.Outcome, error) {
	var o referral.Outcome // not by resultOf: one allocation less on the busiest path
	err := s.Write(ctx, func(c *engine.Conn) (err error) {
		o, err = decideAndRecord(c, a, rules)
		return err
	})
	if errors.Is(err, engine.ErrQueueFull) {
		err = referral.ErrBusy
	}
	if err != nil { // the function may still run
		return referral.Outcome{}, err
	}
	return o, nil
}

func decideAndRecord(c *engine.Conn, a referral.Attempt, rules referral.Rules) (referral.Outcome, error) {
	f, err := readFacts(c, a.User, a.Code.Text)
	if err != nil {
		return referral.Outcome{}, err
	}
	o := referral.Decide(a, f, rules)
	if o.Reason.Audited() {
		if o.Unstored, err = rejectionLimitReached(c, a.User, a.At); err != nil {
			return referral.Outcome{}, err
		}
	}
	return o, writeOutcome(c, a, o)
}

const selectFacts = `
SELECT u.created_at, a.referrer_id, c.user_id, c.disabled_at IS NOT NULL, o.disabled_at IS NOT NULL,
       EXISTS (SELECT 1 FROM attributions WHERE referrer_id = u.id)
FROM users u
LEFT JOIN attributions a ON a.invitee_id = u.id
LEFT JOIN codes c ON c.code = ?2
LEFT JOIN users o ON o.id = c.user_id
WHERE u.id = ?1`

// readFacts may return auth.ErrNoUser.
func readFacts(c *engine.Conn, userID, code string) (referral.Facts, error) {
	f := referral.Facts{InviteeID: userID}
	var owned referral.CodeFacts
	var hasInvitees bool
	err := c.Query(selectFacts, userID, code).Get(auth.ErrNoUser, &f.InviteeCreatedAt, (*engine.NullText)(&f.ReferrerID),
		(*engine.NullText)(&owned.OwnerID), &owned.Disabled, &owned.OwnerDisabled, &hasInvitees)
	if err != nil || owned.OwnerID == "" {
		return f, err
	}
	f.Code = &owned
	if hasInvitees { // almost no attempt: without invitees there is no ring
		f.Cycle, err = leadsTo(c, owned.OwnerID, userID)
	}
	return f, err
}

// leadsTo reports whether the referrers above one user include another. UNION, unlike UNION ALL, ends even in a ring,
// which a damaged file may hold.
func leadsTo(c *engine.Conn, from, to string) (bool, error) {
	return c.Query(`
WITH RECURSIVE up (id) AS (
    SELECT referrer_id FROM attributions WHERE invitee_id = ?1
    UNION
    SELECT a.referrer_id FROM attributions a JOIN up ON a.invitee_id = up.id
)
SELECT 1 FROM up WHERE id = ?2 LIMIT 1`, from, to).Exists()
}

// rejectionLimitReached reports whether the user's live rejections of that UTC day are no longer stored.
func rejectionLimitReached(c *engine.Conn, userID string, at time.Time) (bool, error) {
	day := at.UTC().Truncate(24 * time.Hour)
	return c.Query(`
SELECT 1 FROM events
WHERE type = 'rejected' AND source = 'live' AND user_id = ?1 AND at >= ?2 AND at < ?3
LIMIT 1 OFFSET ?4`,
		userID, day.UnixMicro(), day.Add(24*time.Hour).UnixMicro(), int64(referral.MaxStoredRejections-1)).Exists()
}

const (
	insertAttribution = `
INSERT INTO attributions (invitee_id, referrer_id, code, attributed_at, attempt_id) VALUES (?1, ?2, ?3, ?4, ?5)`
	insertEvent = `
INSERT INTO events (at, user_id, type, code, referrer_id, reason, detail, source, attempt_id, request_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`
	// A replayed rejection may be in the audit log already.
	insertEventOnce = insertEvent + `
ON CONFLICT (attempt_id, type) WHERE attempt_id IS NOT NULL DO NOTHING`
)

// writeOutcome takes an attempt whose user is an id.
func writeOutcome(c *engine.Conn, a referral.Attempt, o referral.Outcome) error {
	e, ok := referral.EventOf(a, a.User, o)
	if !ok {
		return nil
	}
	if o.Attributed {
		_, err := c.Exec(insertAttribution, e.UserID, e.ReferrerID, e.Code, e.At.UnixMicro(), e.AttemptID)
		if err != nil {
			return err
		}
	}
	query := insertEvent
	if e.Source != referral.SourceLive {
		query = insertEventOnce
	}
	_, err := c.Exec(query, e.At.UnixMicro(), e.UserID, string(e.Type), engine.OrNull(e.Code),
		engine.OrNull(e.ReferrerID), engine.OrNull(e.Reason), engine.OrNull(e.Detail), engine.OrNull(e.Source),
		engine.OrNull(e.AttemptID), engine.OrNull(e.RequestID))
	return err
}
