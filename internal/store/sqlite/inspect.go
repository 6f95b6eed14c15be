package sqlite

import (
	"context"
	"errors"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectUserEvents = selectEvent + fromEvents + `
WHERE e.seq IN (
    SELECT event FROM attributions WHERE invitee = ?1
    UNION ALL
    SELECT seq FROM events WHERE user = ?1 AND reason IS NOT NULL
) AND e.user = ?1
ORDER BY e.seq DESC LIMIT ?2`

// Inspect returns what support needs to know of a user, with at most limit invitees and events. The error wraps
// auth.ErrNotFound if there is no such user.
func (s *Store) Inspect(ctx context.Context, userID string, limit int) (in referral.Inspection, err error) {
	err = s.ReadSnapshot(ctx, func(c *engine.Conn) error {
		a, err := findAccount(c, userID)
		if err != nil {
			return err
		}
		n, err := findNumber(c, userID)
		if err != nil {
			return err
		}
		in.User = a.User
		if in.Codes, err = codesOf(c, n); err != nil {
			return err
		}
		if err := errors.Join(inspectReferrer(c, n, &in), inspectInvitees(c, n, limit, &in)); err != nil {
			return err
		}
		in.Events, err = readEvents(c.Query(selectUserEvents, n, int64(limit)))
		return err
	})
	return in, err
}

func relationColumns(r *referral.Relation) []any {
	return []any{(*engine.ID)(&r.UserID), &r.DisplayName, &r.Code, &r.AttributedAt, (*engine.ID)(&r.AttemptID)}
}

const (
	selectRelation = `
SELECT u.id, u.display_name, a.code, a.attributed_at, a.attempt_id FROM attributions a JOIN users u `
	referredBy     = `ON u.n = a.referrer WHERE a.invitee = ?1`
	latestInvitees = `ON u.n = a.invitee
WHERE a.referrer = ?1 ORDER BY a.attributed_at DESC, a.invitee DESC LIMIT ?2`
	countInvitees = `SELECT count(*) FROM attributions WHERE referrer = ?1`
)

func inspectReferrer(c *engine.Conn, user int64, in *referral.Inspection) error {
	var r referral.Relation
	found, err := c.Query(selectRelation+referredBy, user).
		One(relationColumns(&r)...)
	if found {
		in.ReferredBy = &r
	}
	return err
}

func inspectInvitees(c *engine.Conn, user int64, limit int, in *referral.Inspection) error {
	_, err := c.Query(countInvitees, user).One(&in.InviteeCount)
	if err != nil {
		return err
	}
	in.Invitees, err = scanAll(c.Query(selectRelation+latestInvitees, user, int64(limit)),
		relationColumns)
	return err
}
