package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

type replayFunc = func(*engine.Conn, referral.Attempt, referral.Rules) (referral.Verdict, error)

// Replay implements referral.Store. If the schema rejects a row, a second transaction gives each attempt a savepoint,
// and the rejection is its attempt's own error.
func (s *Store) Replay(
	ctx context.Context, attempts []referral.Attempt, rules referral.Rules,
) (v []referral.Verdict, err error) {
	for _, replay := range []replayFunc{replayOne, replayInSavepoint} {
		v, err = resultsOf(ctx, s, attempts, func(c *engine.Conn, a referral.Attempt) (referral.Verdict, error) {
			return replay(c, a, rules)
		})
		if !engine.IsConstraint(err) {
			break
		}
	}
	return v, err
}

func replayInSavepoint(c *engine.Conn, a referral.Attempt, rules referral.Rules) (v referral.Verdict, err error) {
	if _, err = c.Exec("SAVEPOINT attempt"); err != nil {
		return v, err
	}
	v, err = replayOne(c, a, rules)
	if engine.IsConstraint(err) {
		v = referral.Verdict{Err: fmt.Errorf("the store rejects its row: %w", err)}
		_, err = c.Exec("ROLLBACK TO attempt")
	}
	if err == nil {
		_, err = c.Exec("RELEASE attempt")
	}
	return v, err
}

func replayOne(c *engine.Conn, a referral.Attempt, rules referral.Rules) (v referral.Verdict, err error) {
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
	if v, err = findRecorded(c, a); err != nil || v.Err != nil {
		return v, err
	}
	f, err := readFacts(c, a.User, a.Code.Text)
	if err != nil {
		return v, err
	}
	v.Outcome = referral.Decide(a, f, rules)
	later := false
	if v.Rejected != "" && v.Outcome.Reason == referral.ReasonAlreadyAttributed {
		if later, err = attributedLater(c, a); err != nil {
			return v, err
		}
	}
	if !later {
		v.Rejected = ""
	}
	return v, writeOutcome(c, a, v.Outcome)
}

// findRecorded reads the audit log by the attempt's id.
func findRecorded(c *engine.Conn, a referral.Attempt) (v referral.Verdict, err error) {
	var kind, user, reason string
	err = c.Query(`SELECT type, user_id, reason FROM events WHERE attempt_id = ?1`, a.ID).Each(func() error {
		v.Known = v.Known || kind == string(referral.EventSignup)
		if reason != "" {
			v.Rejected = referral.Reason(reason)
		}
		if user != a.User {
			v.Err = referral.ErrAttemptTaken
		}
		return nil
	}, &kind, &user, (*engine.NullText)(&reason))
	return v, err
}

// attributedLater reports whether a replayed attempt that came after a rejected one, in the audit log or in the file,
// gave its user a referrer.
func attributedLater(c *engine.Conn, a referral.Attempt) (bool, error) {
	return c.Query(`
SELECT 1 FROM events s
WHERE s.user_id = ?1 AND s.type = 'signup' AND s.source = 'replay'
  AND (SELECT min(seq) FROM events WHERE attempt_id = s.attempt_id)
    > (SELECT seq FROM events WHERE attempt_id = ?2 AND type = 'rejected')`, a.User, a.ID).Exists()
}
