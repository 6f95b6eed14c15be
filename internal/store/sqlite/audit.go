package sqlite

import (
	"context"
	"errors"
	"iter"

	"github.com/triport/triport-console/internal/referral"
)

// rejectedPage is how many refusals are read at once: a page is short enough that no reader is held
// while the attempts before it are decided.
const rejectedPage = 1000

// Rejected implements referral.RejectedLog.
func (s *Store) Rejected(ctx context.Context, f referral.RejectedFilter) iter.Seq2[referral.Attempt, error] {
	return func(yield func(referral.Attempt, error) bool) {
		var newest int64
		err := s.read(ctx, func(c *conn) error {
			_, err := c.one(func(r row) { newest = r.int(0) }, `SELECT ifnull(max(seq), 0) FROM events`)
			return err
		})
		for after := int64(0); err == nil; {
			var page []referral.Event
			if page, err = s.rejectedAfter(ctx, f, after, newest); err != nil || len(page) == 0 {
				break
			}
			for _, e := range page {
				if !yield(attemptOf(e), nil) {
					return
				}
			}
			after = page[len(page)-1].ID
		}
		if err != nil {
			yield(referral.Attempt{}, err)
		}
	}
}

func attemptOf(e referral.Event) referral.Attempt {
	return referral.Attempt{
		ID: e.AttemptID, User: e.UserID, Code: referral.ParsePresentedCode(e.Code), At: e.At, RequestID: e.RequestID, Source: referral.SourceReplay,
	}
}

func (s *Store) rejectedAfter(ctx context.Context, f referral.RejectedFilter, after, newest int64) (page []referral.Event, err error) {
	query := `
SELECT ` + eventColumns + ` FROM events e
WHERE e.type = 'rejected' AND e.seq > ?1 AND e.seq <= ?2
  AND (?3 IS NULL OR e.reason = ?3) AND (?4 IS NULL OR e.at >= ?4) AND (?5 IS NULL OR e.at < ?5)`
	if f.UserID != "" {
		query += ` AND e.user_id = ?7`
	} else {
		query += ` AND ?7 IS NULL`
	}
	err = s.read(ctx, func(c *conn) error {
		return c.query(func(r row) error {
			page = append(page, scanEvent(r))
			return nil
		}, query+` ORDER BY e.seq LIMIT ?6`,
			after, newest, orNull(string(f.Reason)), micros(f.Since), micros(f.Until), int64(rejectedPage), orNull(f.UserID))
	})
	return page, err
}

// Ledger implements referral.Ledger.
func (s *Store) Ledger(ctx context.Context) iter.Seq2[referral.Recorded, error] {
	return func(yield func(referral.Recorded, error) bool) {
		err := s.read(ctx, func(c *conn) error {
			return c.snapshot(func() error {
				if err := signups(ctx, c, yield); err != nil {
					return err
				}
				return orphans(ctx, c, yield)
			})
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(referral.Recorded{}, err)
		}
	}
}

// signups yields each signup event with what it was decided on. Events of one user follow each other
// in order of commit, so that a second signup of the same user shows.
func signups(ctx context.Context, c *conn, yield func(referral.Recorded, error) bool) error {
	var before referral.Event
	return c.query(func(r row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := scanEvent(r)
		rec := referral.Recorded{Event: &e, Facts: referral.Facts{InviteeID: e.UserID, InviteeCreatedAt: r.time(17)}}
		if before.UserID == e.UserID {
			rec.Facts.ReferrerID = before.ReferrerID
		}
		before = e
		if !r.null(11) {
			rec.Row = &referral.Attribution{
				InviteeID: r.text(11), ReferrerID: r.text(12), Code: r.text(13), AttributedAt: r.time(14), AttemptID: r.text(15),
			}
		}
		if rec.Facts.ReferrerID != "" {
			rec.Row = nil // the attribution belongs to the first signup
		}
		if !r.null(16) {
			rec.Facts.Code = &referral.CodeFacts{OwnerID: r.text(16)}
		}
		var err error
		if r.int(18) == 1 { // who has no invitees is in no ring
			if rec.Facts.Cycle, err = leadsTo(c, e.ReferrerID, e.UserID); err != nil {
				return err
			}
		}
		if !yield(rec, nil) {
			return errStopped
		}
		return nil
	}, `
SELECT `+eventColumns+`,
       a.invitee_id, a.referrer_id, a.code, a.attributed_at, a.attempt_id, c.user_id, u.created_at,
       EXISTS (SELECT 1 FROM attributions WHERE referrer_id = e.user_id)
FROM events e INDEXED BY events_user
LEFT JOIN attributions a ON a.invitee_id = e.user_id
LEFT JOIN codes c ON c.code = e.code
LEFT JOIN users u ON u.id = e.user_id
WHERE e.type = 'signup' ORDER BY e.user_id, e.seq`)
}

// orphans yields each attribution without a signup event.
func orphans(ctx context.Context, c *conn, yield func(referral.Recorded, error) bool) error {
	return c.query(func(r row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec := referral.Recorded{Row: &referral.Attribution{
			InviteeID: r.text(0), ReferrerID: r.text(1), Code: r.text(2), AttributedAt: r.time(3), AttemptID: r.text(4),
		}}
		if !yield(rec, nil) {
			return errStopped
		}
		return nil
	}, `
SELECT a.invitee_id, a.referrer_id, a.code, a.attributed_at, a.attempt_id FROM attributions a
WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.user_id = a.invitee_id AND e.type = 'signup')`)
}
