package sqlite

import (
	"context"
	"iter"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectEvent = `
SELECT e.seq, e.at, e.user_id, e.type, e.code, e.referrer_id, e.reason, e.detail, e.source, e.attempt_id, e.request_id`

func eventColumns(e *referral.Event) []any {
	return []any{
		&e.ID, &e.At, &e.UserID, (*string)(&e.Type), (*engine.NullText)(&e.Code), (*engine.NullText)(&e.ReferrerID),
		(*engine.NullText)(&e.Reason), (*engine.NullText)(&e.Detail), (*engine.NullText)(&e.Source),
		(*engine.NullText)(&e.AttemptID), (*engine.NullText)(&e.RequestID),
	}
}

// rejectedPage is how many rejections are read at once: no reader is held while they are decided.
const rejectedPage = 1000

// Rejected returns the rejected attempts in order of commit, up to the newest at the time of the call, with
// SourceReplay. A read error ends the sequence.
func (s *Store) Rejected(ctx context.Context, f referral.RejectedFilter) iter.Seq2[referral.Attempt, error] {
	return func(yield func(referral.Attempt, error) bool) {
		newest, err := resultOf(ctx, s.Read, func(c *engine.Conn) (seq int64, err error) {
			_, err = c.Query(`SELECT ifnull(max(seq), 0) FROM events`).One(&seq)
			return seq, err
		})
		for after, full := int64(0), true; err == nil && full; {
			var page []referral.Event
			page, err = resultOf(ctx, s.Read, func(c *engine.Conn) ([]referral.Event, error) {
				return rejectedAfter(c, f, after, newest)
			})
			for _, e := range page {
				if !yield(attemptOf(e), nil) {
					return
				}
				after = e.ID
			}
			full = len(page) == rejectedPage
		}
		if err != nil {
			yield(referral.Attempt{}, err)
		}
	}
}

func attemptOf(e referral.Event) referral.Attempt {
	return referral.Attempt{
		ID: e.AttemptID, User: e.UserID, Code: referral.ParsePresentedCode(e.Code), At: e.At,
		RequestID: e.RequestID, Source: referral.SourceReplay,
	}
}

func rejectedAfter(c *engine.Conn, f referral.RejectedFilter, after, newest int64) ([]referral.Event, error) {
	query := selectEvent + `
FROM events e
WHERE e.type = 'rejected' AND e.seq > ?1 AND e.seq <= ?2
  AND (?3 IS NULL OR e.reason = ?3) AND (?4 IS NULL OR e.at >= ?4) AND (?5 IS NULL OR e.at < ?5)`
	byUser := ` AND ?7 IS NULL`
	if f.UserID != "" { // a statement of its own, which uses the index
		byUser = ` AND e.user_id = ?7`
	}
	return scanAll(c.Query(query+byUser+` ORDER BY e.seq LIMIT ?6`, after, newest, engine.OrNull(f.Reason),
		engine.Micros(f.Since), engine.Micros(f.Until), int64(rejectedPage), engine.OrNull(f.UserID)), eventColumns)
}
