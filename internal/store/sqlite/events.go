package sqlite

import (
	"context"
	"iter"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const selectEvent = `
SELECT e.seq, e.at, u.id, e.type, e.code, v.id, e.reason, e.detail, e.source, e.attempt_id, e.request_id`

const fromEvents = `
FROM events e JOIN users u ON u.n = e.user LEFT JOIN users v ON v.n = e.referrer `

// eventRow is an event with its words as numbers.
type eventRow struct {
	referral.Event
	kind, reason, detail, source engine.NullInt
}

func (r *eventRow) columns() []any {
	return []any{
		&r.ID, &r.At, (*engine.ID)(&r.UserID), &r.kind, (*engine.NullText)(&r.Code), (*engine.ID)(&r.ReferrerID),
		&r.reason, &r.detail, &r.source, (*engine.ID)(&r.AttemptID), (*engine.NullText)(&r.RequestID),
	}
}

func (r *eventRow) event() referral.Event {
	e := r.Event
	e.Type, e.Reason = eventTypes.word(r.kind), reasons.word(r.reason)
	e.Detail, e.Source = details.word(r.detail), sources.word(r.source)
	return e
}

func readEvents(q engine.Query) (all []referral.Event, err error) {
	var r eventRow
	err = q.Each(func() error {
		all = append(all, r.event())
		return nil
	}, r.columns()...)
	return all, err
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

const (
	selectRejections = selectEvent + fromEvents + `
WHERE e.reason IS NOT NULL AND e.seq > ?1 AND e.seq <= ?2
  AND (?3 IS NULL OR e.reason = ?3) AND (?4 IS NULL OR e.at >= ?4) AND (?5 IS NULL OR e.at < ?5)`
	rejectionsOfUser = ` AND e.user = (SELECT n FROM users WHERE id = ?7)`
)

func rejectedAfter(c *engine.Conn, f referral.RejectedFilter, after, newest int64) ([]referral.Event, error) {
	byUser := ` AND ?7 IS NULL`
	if f.UserID != "" { // a statement of its own, which uses the index
		byUser = rejectionsOfUser
	}
	return readEvents(c.Query(selectRejections+byUser+` ORDER BY e.seq LIMIT ?6`, after, newest, reasons.number(f.Reason),
		engine.Micros(f.Since), engine.Micros(f.Until), int64(rejectedPage), engine.EncodeID(f.UserID)))
}
