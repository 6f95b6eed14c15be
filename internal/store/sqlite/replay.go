package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// maxReplayTime bounds a transaction of a replay, so that a server gets its turn within 50 ms.
const maxReplayTime = 40 * time.Millisecond

// Replay implements referral.Store, with as many transactions as maxReplayTime asks for. If the schema rejects a
// row, a second transaction gives each attempt a savepoint, and the rejection is its attempt's own error.
func (s *Store) Replay(
	ctx context.Context, attempts []referral.Attempt, rules referral.Rules,
) (verdicts []referral.Verdict, err error) {
	for len(verdicts) < len(attempts) {
		r := replay{store: s, rules: rules}
		err := s.WriteBulk(ctx, func(c *engine.Conn) error { return r.run(c, attempts[len(verdicts):], r.replayOne) })
		if engine.IsConstraint(err) {
			err = s.WriteBulk(ctx, func(c *engine.Conn) error { return r.run(c, attempts[len(verdicts):], r.inSavepoint) })
		}
		if err != nil {
			return verdicts, err
		}
		verdicts = append(verdicts, r.verdicts...)
		if r.unresolved != 0 {
			err := s.resolveChain(ctx, r.unresolved)
			if engine.IsCorrupt(err) { // a page of this chain
				err = engine.OfOneCall(err)
			}
			if err != nil {
				return verdicts, err
			}
		}
	}
	return verdicts, nil
}

// replay is one transaction.
type replay struct {
	store      *Store
	rules      referral.Rules
	verdicts   []referral.Verdict
	unresolved int64 // the next attempt needs the chain above this user
}

// run decides attempts in order until the time is up, or one needs a longer chain than the writer may read.
func (r *replay) run(
	c *engine.Conn, attempts []referral.Attempt, decide func(*engine.Conn, referral.Attempt) (referral.Verdict, error),
) error {
	r.verdicts, r.unresolved = nil, 0
	began := r.store.now()
	for _, a := range attempts {
		v, err := decide(c, a)
		if err != nil || r.unresolved != 0 {
			return err
		}
		r.verdicts = append(r.verdicts, v)
		if r.store.now().Sub(began) >= maxReplayTime {
			break
		}
	}
	return nil
}

func (r *replay) inSavepoint(c *engine.Conn, a referral.Attempt) (v referral.Verdict, err error) {
	if _, err = c.Exec("SAVEPOINT attempt"); err != nil {
		return v, err
	}
	v, err = r.replayOne(c, a)
	if engine.IsConstraint(err) {
		v = referral.Verdict{Err: fmt.Errorf("the store rejects its row: %w", err)}
		_, err = c.Exec("ROLLBACK TO attempt")
	}
	if err == nil {
		_, err = c.Exec("RELEASE attempt")
	}
	return v, err
}

func (r *replay) replayOne(c *engine.Conn, a referral.Attempt) (v referral.Verdict, err error) {
	u, err := findUser(c, auth.UserRef{ID: a.User, Email: a.UserEmail})
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return referral.Verdict{Err: referral.ErrNoUser}, nil
	case errors.Is(err, auth.ErrAmbiguous):
		return referral.Verdict{Err: fmt.Errorf("user is %w", err)}, nil
	case err != nil:
		return v, err
	}
	a.User, a.UserEmail = u.ID, ""
	if a.ID == "" {
		a.ID = referral.DeriveAttemptID(a.User, a.Code.Text, a.At)
	}
	f, err := r.store.readFacts(c, a.User, a.Code.Text)
	if err != nil {
		return v, err
	}
	if v, err = f.findRecorded(c, a); err != nil || v.Err != nil {
		return v, err
	}
	if f.unresolved {
		r.unresolved = f.owner
		return v, nil
	}
	v.Outcome, err = f.decide(c, a, r.rules)
	return v, err
}

const (
	selectRecordedSignup    = `SELECT code, attributed_at FROM attributions WHERE invitee = ?1 AND attempt_id = ?2`
	selectRecordedRejection = `
SELECT seq, code, at, reason FROM events WHERE reason IS NOT NULL AND user = ?1 AND attempt_id = ?2`
	selectAttributedLater = `
SELECT 1 FROM attributions a JOIN events s ON s.seq = a.event
WHERE a.invitee = ?1 AND s.source = 3 AND ?2 < ifnull(
    (SELECT seq FROM events WHERE reason IS NOT NULL AND user = ?1 AND attempt_id = a.attempt_id
        AND (SELECT source FROM events WHERE seq = ?2) <> 3), s.seq)`
)

// findRecorded reads what is recorded of the attempt: its signup, and the rejection before that or instead.
func (f facts) findRecorded(c *engine.Conn, a referral.Attempt) (v referral.Verdict, err error) {
	id := engine.EncodeID(a.ID)
	same := func(code string, at time.Time) {
		if code != a.Code.Text || !at.Equal(a.At) {
			v.Err = referral.ErrAttemptTaken
		}
	}
	var code string
	var at time.Time
	v.Known, err = c.Query(selectRecordedSignup, f.invitee, id).One(&code, &at)
	if err != nil {
		return v, err
	}
	if v.Known {
		same(code, at)
	}
	var seq int64
	var reason engine.NullInt
	found, err := c.Query(selectRecordedRejection, f.invitee, id).One(&seq, (*engine.NullText)(&code), &at, &reason)
	if err != nil || !found {
		return v, err
	}
	same(code, at)
	later := false
	if f.HasReferrer {
		later, err = f.attributedLater(c, seq)
	}
	if later || !f.HasReferrer {
		v.Rejected = reasons.word(reason)
	}
	return v, err
}

// attributedLater reports whether a replayed attempt that came after the rejected one gave the user a referrer. The
// order is that of the audit log or, for a rejection by a replay, that of the file.
func (f facts) attributedLater(c *engine.Conn, rejected int64) (bool, error) {
	return c.Query(selectAttributedLater, f.invitee, rejected).Exists()
}
