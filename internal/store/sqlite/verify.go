package sqlite

import (
	"context"
	"iter"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectAttribution = `i.id, r.id, a.code, a.attributed_at, a.attempt_id, a.event`

// attributionColumns are all NULL if there is no attribution.
func attributionColumns(a *referral.Attribution) []any {
	return []any{
		(*engine.ID)(&a.InviteeID), (*engine.ID)(&a.ReferrerID), (*engine.NullText)(&a.Code),
		(*engine.NullTime)(&a.AttributedAt), (*engine.ID)(&a.AttemptID), (*engine.NullInt)(&a.EventID),
	}
}

// Ledger returns each signup event with its attribution, then attributions without an event. A read error ends it.
func (s *Store) Ledger(ctx context.Context) iter.Seq2[referral.Recorded, error] {
	return stream(ctx, s, func(c *engine.Conn, yield func(referral.Recorded) error) error {
		inRing, err := rings(c)
		if err != nil {
			return err
		}
		if err := readSignups(c, inRing, yield); err != nil {
			return err
		}
		return readOrphans(c, yield)
	})
}

// readSignups yields each signup event with what it was decided on, in order of commit.
func readSignups(c *engine.Conn, inRing map[int64]bool, yield func(referral.Recorded) error) error {
	var e eventRow
	var a referral.Attribution
	var created time.Time
	var owner string
	var user int64
	return c.Query(selectEvent+`, `+selectAttribution+`, o.id, u.created_at, e.user
FROM events e
LEFT JOIN users u ON u.n = e.user
LEFT JOIN users v ON v.n = e.referrer
LEFT JOIN attributions a ON a.invitee = e.user
LEFT JOIN users i ON i.n = a.invitee
LEFT JOIN users r ON r.n = a.referrer
LEFT JOIN codes c ON c.code = e.code
LEFT JOIN users o ON o.n = c.owner
WHERE e.type = 1 ORDER BY e.seq`).Each(func() error {
		event, row := e.event(), a // the next row changes e and a
		f := referral.Facts{InviteeID: event.UserID, InviteeCreatedAt: created, Cycle: inRing[user]}
		if owner != "" {
			f.Code = &referral.CodeFacts{OwnerID: owner}
		}
		recorded := referral.Recorded{Event: &event}
		switch {
		case a.EventID == event.ID:
			recorded.Row = &row
		case a.InviteeID != "": // the attribution belongs to another signup
			f.HasReferrer = true
		}
		recorded.Facts = f
		return yield(recorded)
	}, append(append(e.columns(), attributionColumns(&a)...), (*engine.ID)(&owner), (*engine.NullTime)(&created), &user)...)
}

func readOrphans(c *engine.Conn, yield func(referral.Recorded) error) error {
	return scanEach(c.Query(`SELECT `+selectAttribution+`
FROM attributions a LEFT JOIN users i ON i.n = a.invitee LEFT JOIN users r ON r.n = a.referrer
WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = a.event AND e.user = a.invitee AND e.type = 1)`),
		attributionColumns, func(a referral.Attribution) error { return yield(referral.Recorded{Row: &a}) })
}

// below counts the attributions below the users without a referrer: each has one referrer, so none is met twice.
const below = `
WITH RECURSIVE below (n) AS (
    SELECT a.invitee FROM attributions a
    WHERE NOT EXISTS (SELECT 1 FROM attributions r WHERE r.invitee = a.referrer)
    UNION ALL
    SELECT a.invitee FROM below JOIN attributions a ON a.referrer = below.n
)`

// rings returns the users in a ring of attributions, which only a damaged file holds, in one pass from the top down.
func rings(c *engine.Conn) (map[int64]bool, error) {
	var unreached bool
	_, err := c.Query(below + `SELECT (SELECT count(*) FROM below) < (SELECT count(*) FROM attributions)`).One(&unreached)
	if err != nil || !unreached {
		return nil, err
	}
	above := make(map[int64]int64)
	var invitee, referrer int64
	err = c.Query(below+`SELECT invitee, referrer FROM attributions WHERE invitee NOT IN below`).Each(func() error {
		above[invitee] = referrer
		return nil
	}, &invitee, &referrer)
	return ringsOf(above), err
}

// ringsOf follows each user's referrer until it meets a user again. All above are in a ring or below one.
func ringsOf(above map[int64]int64) map[int64]bool {
	inRing, metBy := make(map[int64]bool), make(map[int64]int) // the number of the walk that met the user
	walk := 0
	for n := range above {
		walk++
		for ; metBy[n] == 0; n = above[n] {
			metBy[n] = walk
		}
		for ; metBy[n] == walk && !inRing[n]; n = above[n] {
			inRing[n] = true
		}
	}
	return inRing
}
