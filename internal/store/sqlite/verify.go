package sqlite

import (
	"context"
	"iter"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectAttribution = `a.invitee_id, a.referrer_id, a.code, a.attributed_at, a.attempt_id`

// attributionColumns are all NULL if there is no attribution.
func attributionColumns(a *referral.Attribution) []any {
	return []any{
		(*engine.NullText)(&a.InviteeID), (*engine.NullText)(&a.ReferrerID), (*engine.NullText)(&a.Code),
		(*engine.NullTime)(&a.AttributedAt), (*engine.NullText)(&a.AttemptID),
	}
}

// Ledger returns each signup event with its attribution, then attributions without an event. A read error ends it.
func (s *Store) Ledger(ctx context.Context) iter.Seq2[referral.Recorded, error] {
	return stream(ctx, s, func(c *engine.Conn, yield func(referral.Recorded) error) error {
		if err := readSignups(c, yield); err != nil {
			return err
		}
		return readOrphans(c, yield)
	})
}

// readSignups yields each signup event with what it was decided on, ordered by user: a second signup of one user shows.
func readSignups(c *engine.Conn, yield func(referral.Recorded) error) error {
	var e, before referral.Event
	var a referral.Attribution
	var created time.Time
	var owner string
	var hasInvitees bool
	return c.Query(selectEvent+`, `+selectAttribution+`, c.user_id, u.created_at,
       EXISTS (SELECT 1 FROM attributions WHERE referrer_id = e.user_id)
FROM events e INDEXED BY events_user
LEFT JOIN attributions a ON a.invitee_id = e.user_id
LEFT JOIN codes c ON c.code = e.code
LEFT JOIN users u ON u.id = e.user_id
WHERE e.type = 'signup' ORDER BY e.user_id, e.seq`).Each(func() (err error) {
		event, row := e, a // the next row changes e and a
		f := referral.Facts{InviteeID: e.UserID, InviteeCreatedAt: created}
		if before.UserID == e.UserID {
			f.ReferrerID = before.ReferrerID
		}
		before = e
		if owner != "" {
			f.Code = &referral.CodeFacts{OwnerID: owner}
		}
		if hasInvitees { // a user without invitees is in no ring
			f.Cycle, err = leadsTo(c, e.ReferrerID, e.UserID)
		}
		if err != nil {
			return err
		}
		recorded := referral.Recorded{Event: &event, Facts: f}
		if a.InviteeID != "" && f.ReferrerID == "" { // the attribution belongs to the first signup
			recorded.Row = &row
		}
		return yield(recorded)
	}, append(append(eventColumns(&e), attributionColumns(&a)...),
		(*engine.NullText)(&owner), (*engine.NullTime)(&created), &hasInvitees)...)
}

func readOrphans(c *engine.Conn, yield func(referral.Recorded) error) error {
	return scanEach(c.Query(`SELECT `+selectAttribution+` FROM attributions a
WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.user_id = a.invitee_id AND e.type = 'signup')`),
		attributionColumns, func(a referral.Attribution) error { return yield(referral.Recorded{Row: &a}) })
}
