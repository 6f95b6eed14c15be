package sqlite

import (
	"context"

	"github.com/triport/triport-console/internal/referral"
)

// Inspect gathers what support needs to know of a user, as of one moment, with at most limit invitees
// and events. The error wraps auth.ErrNotFound when there is no such user.
func (s *Store) Inspect(ctx context.Context, userID string, limit int) (referral.Inspection, error) {
	var d referral.Inspection
	err := s.read(ctx, func(c *conn) error {
		return c.snapshot(func() error {
			for _, part := range []func(*conn, string, int, *referral.Inspection) error{
				inspectUser, inspectReferrer, inspectInvitees, inspectEvents,
			} {
				if err := part(c, userID, limit, &d); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return d, err
}

func inspectUser(c *conn, userID string, _ int, d *referral.Inspection) error {
	a, err := account(c, userID)
	if err != nil {
		return err
	}
	d.User = a.User
	d.Codes, err = codesOf(c, userID)
	return err
}

func inspectReferrer(c *conn, userID string, _ int, d *referral.Inspection) error {
	_, err := c.one(func(r row) {
		d.ReferredBy = &referral.Referrer{
			UserID: r.text(0), DisplayName: r.text(1), Code: r.text(2), AttributedAt: r.time(3), AttemptID: r.text(4),
		}
	}, `
SELECT a.referrer_id, u.display_name, a.code, a.attributed_at, a.attempt_id
FROM attributions a JOIN users u ON u.id = a.referrer_id WHERE a.invitee_id = ?1`, userID)
	return err
}

func inspectInvitees(c *conn, userID string, limit int, d *referral.Inspection) error {
	_, err := c.one(func(r row) { d.InviteeCount = r.int(0) },
		`SELECT count(*) FROM attributions WHERE referrer_id = ?1`, userID)
	if err != nil {
		return err
	}
	return c.query(func(r row) error {
		d.Invitees = append(d.Invitees, referral.Invitee{
			UserID: r.text(0), DisplayName: r.text(1), Code: r.text(2), AttributedAt: r.time(3),
		})
		return nil
	}, `
SELECT a.invitee_id, u.display_name, a.code, a.attributed_at
FROM attributions a JOIN users u ON u.id = a.invitee_id
WHERE a.referrer_id = ?1 ORDER BY a.attributed_at DESC, a.invitee_id DESC LIMIT ?2`, userID, int64(limit))
}

const eventColumns = `e.seq, e.at, e.user_id, e.type, e.code, e.referrer_id, e.reason, e.detail, e.source, e.attempt_id, e.request_id`

func scanEvent(r row) referral.Event {
	return referral.Event{
		ID: r.int(0), At: r.time(1), UserID: r.text(2), Type: referral.EventType(r.text(3)), Code: r.text(4),
		ReferrerID: r.text(5), Reason: referral.Reason(r.text(6)), Detail: r.text(7),
		Source: referral.Source(r.text(8)), AttemptID: r.text(9), RequestID: r.text(10),
	}
}

func inspectEvents(c *conn, userID string, limit int, d *referral.Inspection) error {
	return c.query(func(r row) error {
		d.Events = append(d.Events, scanEvent(r))
		return nil
	}, `SELECT `+eventColumns+` FROM events e WHERE e.user_id = ?1 ORDER BY e.seq DESC LIMIT ?2`, userID, int64(limit))
}
