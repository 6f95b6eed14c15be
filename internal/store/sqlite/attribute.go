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
	for {
		var o referral.Outcome // not by resultOf: one allocation less on the busiest path
		var unresolved int64
		err := s.Write(ctx, func(c *engine.Conn) (err error) {
			o, unresolved, err = s.decideAndRecord(c, a, rules)
			return err
		})
		if errors.Is(err, engine.ErrQueueFull) {
			err = referral.ErrBusy
		}
		if err == nil && unresolved != 0 {
			if err = s.resolveChain(ctx, unresolved); err == nil {
				continue
			}
		}
		if err != nil { // the function may still run
			return referral.Outcome{}, err
		}
		return o, nil
	}
}

// decideAndRecord decides nothing if unresolved is a user: the chain above is longer than the writer may read.
func (s *Store) decideAndRecord(c *engine.Conn, a referral.Attempt, rules referral.Rules) (
	o referral.Outcome, unresolved int64, err error,
) {
	f, err := s.readFacts(c, a.User, a.Code.Text)
	if err != nil || f.unresolved {
		return o, f.owner, err
	}
	o, err = f.decide(c, a, rules)
	return o, 0, err
}

// facts are the facts of a decision with the numbers of the users.
type facts struct {
	referral.Facts
	invitee, owner int64
	unresolved     bool // it takes more than maxLinks links to learn Cycle
}

const selectFacts = `
SELECT u.n, u.created_at, u.disabled_at IS NOT NULL, a.referrer,
       o.n, o.id, c.disabled_at IS NOT NULL, o.disabled_at IS NOT NULL,
       EXISTS (SELECT 1 FROM attributions WHERE referrer = u.n)
FROM users u
LEFT JOIN attributions a ON a.invitee = u.n
LEFT JOIN codes c ON c.code = ?2
LEFT JOIN users o ON o.n = c.owner
WHERE u.id = ?1`

// readFacts may return auth.ErrNoUser.
func (s *Store) readFacts(c *engine.Conn, userID, code string) (facts, error) {
	f := facts{Facts: referral.Facts{InviteeID: userID}}
	var owned referral.CodeFacts
	var hasInvitees bool
	var referrer engine.NullInt
	err := c.Query(selectFacts, engine.EncodeID(userID), code).Get(auth.ErrNoUser,
		&f.invitee, &f.InviteeCreatedAt, &f.InviteeDisabled, &referrer,
		(*engine.NullInt)(&f.owner), (*engine.ID)(&owned.OwnerID), &owned.Disabled, &owned.OwnerDisabled, &hasInvitees)
	f.HasReferrer = referrer != 0
	if err != nil || f.owner == 0 {
		return f, err
	}
	f.Code = &owned
	if hasInvitees && !f.HasReferrer && f.owner != f.invitee { // almost no attempt: without invitees there is no ring
		// A user without a referrer is above the owner if and only if it is the top of the owner's chain.
		w, err := s.ancestry.climb(context.Background(), c, f.owner, maxLinks)
		f.Cycle, f.unresolved = w.top == f.invitee, !w.known
		return f, err
	}
	return f, nil
}

// decide decides the attempt and writes what the audit log keeps of it.
func (f facts) decide(c *engine.Conn, a referral.Attempt, rules referral.Rules) (o referral.Outcome, err error) {
	o = referral.Decide(a, f.Facts, rules)
	if o.Reason.Audited() && a.Source != referral.SourceReplay {
		if o.Unstored, err = rejectionLimitReached(c, f.invitee, a.At); err != nil {
			return o, err
		}
	}
	return o, f.write(c, a, o)
}

const selectRejectionLimit = `
SELECT 1 FROM events
WHERE reason IS NOT NULL AND source <> 3 AND user = ?1 AND at >= ?2 AND at < ?3
LIMIT 1 OFFSET ?4` // 3 is a replay

// rejectionLimitReached reports whether the user's rejections of that UTC day are no longer stored.
func rejectionLimitReached(c *engine.Conn, user int64, at time.Time) (bool, error) {
	day := at.UTC().Truncate(24 * time.Hour)
	return c.Query(selectRejectionLimit, user, day.UnixMicro(), day.Add(24*time.Hour).UnixMicro(), int64(referral.MaxStoredRejections-1)).Exists()
}

const (
	insertEvent = `
INSERT INTO events (at, user, type, code, referrer, reason, detail, source, attempt_id, request_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
ON CONFLICT (user, attempt_id) WHERE reason IS NOT NULL DO NOTHING` // a replayed rejection may be there already
	insertAttribution = `
INSERT INTO attributions (invitee, referrer, code, attributed_at, attempt_id, event)
VALUES (?1, ?2, ?3, ?4, ?5, last_insert_rowid())`
)

func (f facts) write(c *engine.Conn, a referral.Attempt, o referral.Outcome) error {
	e, ok := referral.EventOf(a, f.InviteeID, o)
	if !ok {
		return nil
	}
	var referrer any
	if f.owner != 0 && e.ReferrerID != "" {
		referrer = f.owner
	}
	id := engine.EncodeID(e.AttemptID)
	_, err := c.Exec(insertEvent, e.At.UnixMicro(), f.invitee, eventTypes.number(e.Type), engine.OrNull(e.Code), referrer,
		reasons.number(e.Reason), details.number(e.Detail), sources.number(e.Source), id, engine.OrNull(e.RequestID))
	if err == nil && o.Attributed {
		_, err = c.Exec(insertAttribution, f.invitee, f.owner, e.Code, e.At.UnixMicro(), id)
	}
	return err
}
