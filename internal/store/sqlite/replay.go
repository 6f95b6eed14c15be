package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// Replay implements referral.Store. A row that the schema rejects is its attempt's own error. It costs the transaction
// a second pass, in which each attempt has a savepoint.
func (s *Store) Replay(ctx context.Context, attempts []referral.Attempt, rules referral.Rules) (v []referral.Verdict, err error) {
	for _, replay := range []replayFunc{replayOne, replayInSavepoint} {
		v, err = resultsOf(ctx, s, attempts, func(c *engine.Conn, a referral.Attempt) (referral.Verdict, error) { return replay(c, a, rules) })
		if !engine.IsConstraint(err) {
			break
		}
	}
	return v, err
}

type replayFunc = func(*engine.Conn, referral.Attempt, referral.Rules) (referral.Verdict, error)

func replayInSavepoint(c *engine.Conn, a referral.Attempt, rules referral.Rules) (referral.Verdict, error) {
	if _, err := c.Exec("SAVEPOINT attempt"); err != nil {
		return referral.Verdict{}, err
	}
	v, err := replayOne(c, a, rules)
	if engine.IsConstraint(err) {
		if _, err := c.Exec("ROLLBACK TO attempt"); err != nil {
			return referral.Verdict{}, err
		}
		v, err = referral.Verdict{Err: fmt.Errorf("the store rejects its row: %w", err)}, nil
	}
	if err != nil {
		return referral.Verdict{}, err
	}
	_, err = c.Exec("RELEASE attempt")
	return v, err
}

func replayOne(c *engine.Conn, a referral.Attempt, rules referral.Rules) (referral.Verdict, error) {
	id, err := findUserID(c, a.User)
	if errors.Is(err, auth.ErrNotFound) {
		return referral.Verdict{Err: referral.ErrNoUser}, nil
	}
	if err != nil {
		return referral.Verdict{}, err
	}
	a.User = id
	if a.ID == "" {
		a.ID = referral.DeriveAttemptID(id, a.Code.Text, a.At)
	}
	v, err := findRecorded(c, a)
	if err != nil || v.Err != nil {
		return v, err
	}
	f, err := readFacts(c, id, a.Code.Text)
	if err != nil {
		return referral.Verdict{}, err
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

// findRecorded returns what the audit log holds of an attempt's id.
func findRecorded(c *engine.Conn, a referral.Attempt) (v referral.Verdict, err error) {
	err = c.Query(`SELECT type, user_id, reason FROM events WHERE attempt_id = ?1`, a.ID).Each(func(r engine.Row) error {
		var kind, user, reason string
		if err := r.Scan(&kind, &user, (*engine.NullText)(&reason)); err != nil {
			return err
		}
		v.Known = v.Known || kind == string(referral.EventSignup)
		if reason != "" {
			v.Rejected = referral.Reason(reason)
		}
		if user != a.User {
			v.Err = referral.ErrAttemptTaken
		}
		return nil
	})
	return v, err
}

// attributedLater reports whether the user of a rejected attempt got a referrer by an attempt of a replay that came
// after it: in the log, or in the file.
func attributedLater(c *engine.Conn, a referral.Attempt) (bool, error) {
	return c.Query(`
SELECT 1 FROM events s
WHERE s.user_id = ?1 AND s.type = 'signup' AND s.source = 'replay'
  AND (SELECT min(seq) FROM events WHERE attempt_id = s.attempt_id)
    > (SELECT seq FROM events WHERE attempt_id = ?2 AND type = 'rejected')`, a.User, a.ID).Exists()
}

// findUserID returns the id of the user that a line names by id or e-mail address.
func findUserID(c *engine.Conn, ref string) (id string, err error) {
	query := `SELECT id FROM users WHERE id = ?1`
	if strings.Contains(ref, "@") {
		query = `SELECT id FROM users WHERE email = ?1`
	}
	err = c.Query(query, ref).Get(auth.ErrNoUser, &id)
	return id, err
}
