package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// Attribute implements referral.Store.
func (s *Store) Attribute(ctx context.Context, a referral.Attempt, rules referral.Rules) (referral.Outcome, error) {
	if s.writer == nil {
		return referral.Outcome{}, errors.New("the database was opened to read only")
	}
	p := &pending{attempt: a, rules: rules, done: make(chan struct{})}
	select {
	case s.writer.attempts <- p:
	default:
		return referral.Outcome{}, referral.ErrBusy
	}
	select {
	case <-p.done:
		return p.outcome, p.err
	case <-s.writer.done: // it was queued after the writer had gone
		if p.claimed.CompareAndSwap(false, true) {
			return referral.Outcome{}, ErrClosed
		}
		<-p.done
		return p.outcome, p.err
	case <-ctx.Done():
		// Whoever claims it first has it. The writer may be committing it right now: the attempt's id
		// recognises it when it is replayed.
		p.claimed.CompareAndSwap(false, true)
		return referral.Outcome{}, fmt.Errorf("not committed in time: %w", ctx.Err())
	}
}

// attribute decides one live attempt inside the writer's transaction and writes its rows.
func attribute(c *conn, a referral.Attempt, rules referral.Rules) (referral.Outcome, error) {
	f, err := facts(c, a.User, a.Code.Text)
	if err != nil {
		return referral.Outcome{}, err
	}
	o := referral.Decide(a, f, rules)
	if o.Reason.Audited() {
		if o.Unstored, err = refusedEnough(c, a.User, a.At); err != nil {
			return referral.Outcome{}, err
		}
	}
	return o, record(c, a, o)
}

const selectFacts = `
SELECT u.created_at, a.referrer_id, c.user_id, c.disabled_at IS NOT NULL, o.disabled_at IS NOT NULL,
       EXISTS (SELECT 1 FROM attributions WHERE referrer_id = u.id)
FROM users u
LEFT JOIN attributions a ON a.invitee_id = u.id
LEFT JOIN codes c ON c.code = ?2
LEFT JOIN users o ON o.id = c.user_id
WHERE u.id = ?1`

// facts reads what the decision needs to know. The error wraps auth.ErrNotFound when there is no
// such user.
func facts(c *conn, userID, code string) (referral.Facts, error) {
	f := referral.Facts{InviteeID: userID}
	hasInvitees := false
	found, err := c.one(func(r row) {
		f.InviteeCreatedAt, f.ReferrerID = r.time(0), r.text(1)
		if !r.null(2) {
			f.Code = &referral.CodeFacts{OwnerID: r.text(2), Disabled: r.int(3) == 1, OwnerDisabled: r.int(4) == 1}
		}
		hasInvitees = r.int(5) == 1
	}, selectFacts, userID, code)
	if err != nil {
		return f, err
	}
	if !found {
		return f, auth.ErrNoUser
	}
	// Who has referred nobody cannot close a ring: almost every attempt ends here.
	if hasInvitees && f.Code != nil {
		f.Cycle, err = leadsTo(c, f.Code.OwnerID, userID)
	}
	return f, err
}

// leadsTo tells whether following referrers up from one user arrives at another. UNION, not
// UNION ALL: it ends also in a ring that a damaged file may hold.
func leadsTo(c *conn, from, to string) (bool, error) {
	return c.one(func(row) {}, `
WITH RECURSIVE up (id) AS (
    SELECT referrer_id FROM attributions WHERE invitee_id = ?1
    UNION
    SELECT a.referrer_id FROM attributions a JOIN up ON a.invitee_id = up.id
)
SELECT 1 FROM up WHERE id = ?2 LIMIT 1`, from, to)
}

// refusedEnough tells whether the audit log holds as many of the user's refusals of that UTC day as
// it takes from live calls.
func refusedEnough(c *conn, userID string, at time.Time) (bool, error) {
	day := at.UTC().Truncate(24 * time.Hour)
	return c.one(func(row) {}, `
SELECT 1 FROM events
WHERE type = 'rejected' AND source = 'live' AND user_id = ?1 AND at >= ?2 AND at < ?3
LIMIT 1 OFFSET ?4`,
		userID, day.UnixMicro(), day.Add(24*time.Hour).UnixMicro(), int64(referral.MaxLiveRefusals-1))
}

const (
	insertAttribution = `
INSERT INTO attributions (invitee_id, referrer_id, code, attributed_at, attempt_id) VALUES (?1, ?2, ?3, ?4, ?5)`
	insertEvent = `
INSERT INTO events (at, user_id, type, code, referrer_id, reason, detail, source, attempt_id, request_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`
	// A refusal that is replayed and refused again is in the log already.
	insertEventOnce = insertEvent + `
ON CONFLICT (attempt_id, type) WHERE attempt_id IS NOT NULL DO NOTHING`
)

// record writes the rows of a decided attempt, whose user is an id.
func record(c *conn, a referral.Attempt, o referral.Outcome) error {
	e, ok := referral.EventOf(a, a.User, o)
	if !ok {
		return nil
	}
	if o.Attributed {
		_, err := c.exec(insertAttribution, e.UserID, e.ReferrerID, e.Code, e.At.UnixMicro(), e.AttemptID)
		if err != nil {
			return err
		}
	}
	query := insertEvent
	if e.Source != referral.SourceLive {
		query = insertEventOnce
	}
	_, err := c.exec(query, e.At.UnixMicro(), e.UserID, string(e.Type), orNull(e.Code), orNull(e.ReferrerID),
		orNull(string(e.Reason)), orNull(e.Detail), orNull(string(e.Source)), orNull(e.AttemptID), orNull(e.RequestID))
	return err
}

// Replay implements referral.Store. A row that the schema refuses is its attempt's own error; it
// costs the transaction a second pass, in which each attempt has a savepoint.
func (s *Store) Replay(ctx context.Context, attempts []referral.Attempt, rules referral.Rules) ([]referral.Verdict, error) {
	verdicts, err := s.replayBatch(ctx, attempts, rules, replay)
	if isRefused(err) {
		verdicts, err = s.replayBatch(ctx, attempts, rules, replayApart)
	}
	return verdicts, err
}

type replayFunc func(*conn, referral.Attempt, referral.Rules) (referral.Verdict, error)

func (s *Store) replayBatch(ctx context.Context, attempts []referral.Attempt, rules referral.Rules, one replayFunc) ([]referral.Verdict, error) {
	verdicts := make([]referral.Verdict, len(attempts))
	err := s.writeBulk(ctx, func(c *conn) error {
		for i, a := range attempts {
			var err error
			if verdicts[i], err = one(c, a, rules); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return verdicts, nil
}

func replayApart(c *conn, a referral.Attempt, rules referral.Rules) (referral.Verdict, error) {
	if _, err := c.exec("SAVEPOINT attempt"); err != nil {
		return referral.Verdict{}, err
	}
	v, err := replay(c, a, rules)
	if isRefused(err) {
		if _, err := c.exec("ROLLBACK TO attempt"); err != nil {
			return referral.Verdict{}, err
		}
		v, err = referral.Verdict{Err: fmt.Errorf("the store refuses its row: %w", err)}, nil
	}
	if err != nil {
		return referral.Verdict{}, err
	}
	_, err = c.exec("RELEASE attempt")
	return v, err
}

func replay(c *conn, a referral.Attempt, rules referral.Rules) (referral.Verdict, error) {
	id, err := userID(c, a.User)
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
	v, err := recorded(c, a)
	if err != nil || v.Err != nil {
		return v, err
	}
	f, err := facts(c, id, a.Code.Text)
	if err != nil {
		return referral.Verdict{}, err
	}
	v.Outcome = referral.Decide(a, f, rules)
	if v.Refused != "" {
		later := false
		if v.Outcome.Reason == referral.ReasonAlreadyAttributed {
			if later, err = linkedLater(c, a); err != nil {
				return v, err
			}
		}
		if !later {
			v.Refused = ""
		}
	}
	return v, record(c, a, v.Outcome)
}

// recorded tells what the log says of an attempt's id already.
func recorded(c *conn, a referral.Attempt) (v referral.Verdict, err error) {
	err = c.query(func(r row) error {
		v.Known = v.Known || r.text(0) == string(referral.EventSignup)
		if reason := r.text(2); reason != "" {
			v.Refused = referral.Reason(reason)
		}
		if r.text(1) != a.User {
			v.Err = referral.ErrAttemptTaken
		}
		return nil
	}, `SELECT type, user_id, reason FROM events WHERE attempt_id = ?1`, a.ID)
	return v, err
}

// linkedLater tells whether the user of a refused attempt was linked by an attempt of a replay that
// came after it: in the log, or in the file.
func linkedLater(c *conn, a referral.Attempt) (bool, error) {
	return c.one(func(row) {}, `
SELECT 1 FROM events s
WHERE s.user_id = ?1 AND s.type = 'signup' AND s.source = 'replay'
  AND (SELECT min(seq) FROM events WHERE attempt_id = s.attempt_id)
    > (SELECT seq FROM events WHERE attempt_id = ?2 AND type = 'rejected')`, a.User, a.ID)
}

// userID finds the id of the user whom a line names by id or e-mail address.
func userID(c *conn, ref string) (string, error) {
	query := `SELECT id FROM users WHERE id = ?1`
	if strings.Contains(ref, "@") {
		query = `SELECT id FROM users WHERE email = ?1`
	}
	id := ""
	found, err := c.one(func(r row) { id = r.text(0) }, query, ref)
	if err == nil && !found {
		err = auth.ErrNoUser
	}
	return id, err
}
