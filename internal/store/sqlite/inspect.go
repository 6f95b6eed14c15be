package sqlite

import (
	"context"
	"errors"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// Inspect returns what support needs to know of a user, with at most limit invitees and events. The error wraps
// auth.ErrNotFound if there is no such user.
func (s *Store) Inspect(ctx context.Context, userID string, limit int) (in referral.Inspection, err error) {
	err = s.ReadSnapshot(ctx, func(c *engine.Conn) error {
		a, err := findAccount(c, byID, userID)
		if err != nil {
			return err
		}
		in.User = a.User
		if in.Codes, err = codesOf(c, userID); err != nil {
			return err
		}
		if err := errors.Join(inspectReferrer(c, userID, &in), inspectInvitees(c, userID, limit, &in)); err != nil {
			return err
		}
		in.Events, err = scanAll(c.Query(selectEvent+`
FROM events e WHERE e.user_id = ?1 ORDER BY e.seq DESC LIMIT ?2`, userID, int64(limit)), eventColumns)
		return err
	})
	return in, err
}

func relationColumns(r *referral.Relation) []any {
	return []any{&r.UserID, &r.DisplayName, &r.Code, &r.AttributedAt, &r.AttemptID}
}

const selectRelation = `
SELECT u.id, u.display_name, a.code, a.attributed_at, a.attempt_id FROM attributions a JOIN users u `

func inspectReferrer(c *engine.Conn, userID string, in *referral.Inspection) error {
	var r referral.Relation
	found, err := c.Query(selectRelation+`ON u.id = a.referrer_id WHERE a.invitee_id = ?1`, userID).
		One(relationColumns(&r)...)
	if found {
		in.ReferredBy = &r
	}
	return err
}

func inspectInvitees(c *engine.Conn, userID string, limit int, in *referral.Inspection) error {
	_, err := c.Query(`SELECT count(*) FROM attributions WHERE referrer_id = ?1`, userID).One(&in.InviteeCount)
	if err != nil {
		return err
	}
	in.Invitees, err = scanAll(c.Query(selectRelation+`ON u.id = a.invitee_id
WHERE a.referrer_id = ?1 ORDER BY a.attributed_at DESC, a.invitee_id DESC LIMIT ?2`, userID, int64(limit)),
		relationColumns)
	return err
}
