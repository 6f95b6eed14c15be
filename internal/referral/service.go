package referral

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/jsonl"
	"github.com/triport/triport-console/internal/throttle"
)

// Store decides attempts and returns durable outcomes. An error means that the store failed, not the attempt.
type Store interface {
	// Attribute decides one live attempt. If ctx ends first, it may still be committed. Safe for concurrent use.
	Attribute(ctx context.Context, a Attempt, rules Rules) (Outcome, error)
	// Replay decides attempts in order, in several transactions. On an error, the verdicts are those of the first attempts,
	// which are committed.
	Replay(ctx context.Context, attempts []Attempt, rules Rules) ([]Verdict, error)
}

// Spool keeps attempts that the store could not take. Safe for concurrent use, also by other processes.
type Spool interface {
	// Append makes the attempt durable.
	Append(ctx context.Context, a Attempt) error
	// Drain passes each segment to replay and removes it after nil, or after an Undecided whose lines it keeps. It waits
	// while another process drains.
	Drain(ctx context.Context, replay func(segment io.Reader, deadLetter DeadLetter) error) error
	// Waiting reports whether attempts wait.
	Waiting() (bool, error)
}

// DeadLetter copies a bad line to the dead-letter file. isNew is false if an earlier drain did so.
type DeadLetter = func(line io.Reader) (isNew bool, err error)

// Service decides live attempts and never fails a caller. What the store rejects goes to the spool, or else to out.
type Service struct {
	store    Store
	spool    Spool
	rules    Rules
	deadline time.Duration
	log      *slog.Logger
	outMu    sync.Mutex
	out      io.Writer
	users    admission
	limited  *throttle.Throttle // users whose rejections are no longer stored today
	spooled  *throttle.Throttle // the lines about spooled attempts
}

const (
	day          = 24 * time.Hour
	spoolTimeout = 2 * time.Second // after the deadline: a disk that hangs must not block a sign-in
	// spooledLogEvery limits the lines about spooled attempts: there may be thousands in a second.
	spooledLogEvery = time.Second
)

// NewService returns a Service. deadline limits the wait for the store. out receives what store and spool both reject.
func NewService(store Store, sp Spool, rules Rules, deadline time.Duration, log *slog.Logger, out io.Writer) *Service {
	return &Service{
		store: store, spool: sp, rules: rules, deadline: deadline, log: log, out: out,
		users: admission{lines: make(map[string]*userLine)}, limited: throttle.New(day), spooled: throttle.New(spooledLogEvery),
	}
}

// Submit returns a durable outcome, or ReasonInternalError: the attempt, or an equal one, is in the spool, or if that
// failed in the log.
func (s *Service) Submit(ctx context.Context, a Attempt) Outcome {
	if a.Code.Text == "" { // as Decide would answer, without a transaction: most calls end here
		return Outcome{Reason: ReasonNoCookie}
	}
	inTime, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	spool := func(err error) Outcome {
		s.spoolAttempt(ctx, a, err)
		return Outcome{Reason: ReasonInternalError}
	}
	o, err := s.users.decide(inTime, a, func() Outcome {
		o, err := s.tryStore(inTime, a)
		if err != nil {
			return spool(err)
		}
		return o
	})
	if err != nil {
		return spool(err)
	}
	if o.Unstored && s.limited.Allow(a.User, a.At.Truncate(day)) {
		s.log.Warn("daily limit of stored rejections reached for a user", "user", a.User, "stored", MaxStoredRejections,
			"hint", "find the page or script that repeats the call for this user")
	}
	return o
}

// tryStore returns a panic as an error: the attempt must not be lost.
func (s *Service) tryStore(ctx context.Context, a Attempt) (o Outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic with a %T", v)
		}
	}()
	return s.store.Attribute(ctx, a, s.rules)
}

// spoolAttempt saves an attempt that the store rejected with storeErr.
func (s *Service) spoolAttempt(ctx context.Context, a Attempt, storeErr error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spoolTimeout)
	defer cancel()
	log := s.log.With("attempt_id", a.ID, "request_id", a.RequestID, "error", fsutil.WithoutPath(storeErr))
	err := s.spool.Append(ctx, a)
	if err == nil {
		if skipped, ok := s.spooled.AllowCounted("", a.At); ok {
			log.Warn("attempt spooled", "not_logged", skipped)
		}
		return
	}
	log.Error("store and spool both rejected an attempt, its line follows", "spool_error", fsutil.WithoutPath(err),
		"hint", "free disk space or fix the permissions that the errors name, then pass the line to referral replay --from")
	if err := s.logAttempt(a); err != nil {
		s.log.Error("attempt could not be stored anywhere and is lost",
			"attempt_id", a.ID, "user", a.User, "code", a.Code.Text, "at", a.At, "error", fsutil.WithoutPath(err),
			"hint", "decide the attempt by hand: this line has its user, code and time")
	}
}

// logAttempt writes an attempt as a line of JSON, also if the logger writes text.
func (s *Service) logAttempt(a Attempt) error {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	_, err := fmt.Fprintf(s.out, `{"level":"error","msg":"attempt to replay with referral replay --from",%s`+"\n", FormatLine(a)[1:])
	return err
}

// Drain decides the attempts in the spool. After an error, the rest still waits.
func (s *Service) Drain(ctx context.Context) (Report, error) {
	const hint = "fix it in a copy of the .spool.bad file, pass the copy to referral replay --from, then delete its line there"
	bad := 0
	report, err := DrainSpool(ctx, s.store, s.spool, Options{Rules: s.rules, OnBad: func(number int, err error) {
		if errors.Is(err, ErrUndecided) {
			return // drainIfWaiting logs a change of their number
		}
		if bad++; bad <= jsonl.MaxReported {
			s.log.Error("spool line moved to the dead-letter file", "line", number, "error", err, "hint", hint)
		}
	}})
	if more := bad - jsonl.MaxReported; more > 0 {
		s.log.Error("more spool lines moved to the dead-letter file", "lines", more, "hint", hint)
	}
	return report, err
}

// DrainWhenWaiting drains the spool now and at every tick, if attempts wait, until ctx ends or ticks is closed.
func (s *Service) DrainWhenWaiting(ctx context.Context, ticks <-chan time.Time) {
	for logged, more := "", true; more; {
		logged = s.drainIfWaiting(ctx, logged)
		select {
		case <-ctx.Done():
			return
		case _, more = <-ticks:
		}
	}
}

// drainIfWaiting drains the spool and returns the text of its error. It does not log the text in logged again.
func (s *Service) drainIfWaiting(ctx context.Context, logged string) string {
	if waiting, err := s.spool.Waiting(); !waiting && err == nil {
		return "" // another process drained it
	}
	report, err := s.Drain(ctx)
	switch {
	case ctx.Err() != nil:
		return logged
	case err == nil && report.Read > report.Undecided:
		s.log.Info("spool drained", "read", report.Read, "attributed", report.Attributed,
			"unchanged", report.Unchanged, "rejected", report.TotalRejected(), "malformed", report.Malformed)
	}
	if err == nil {
		return s.logUndecided(report, logged)
	}
	text := fsutil.WithoutPath(err).Error()
	if text != logged {
		s.log.Error("spool could not be drained, retrying every second", "error", text,
			"hint", "fix what the error names: the database, or the spool files next to it")
	}
	return text
}

// logUndecided logs a change of what a drain left, and returns what it left in words. Not every drain tries it again.
func (s *Service) logUndecided(r Report, logged string) string {
	if r.Undecided == 0 {
		if waiting, err := s.spool.Waiting(); waiting || err != nil {
			return logged
		}
		return ""
	}
	text := fmt.Sprintf("%d %v", r.Undecided, r.Cause)
	if text != logged {
		s.log.Error("attempts could not be decided, they stay in the spool", "attempts", r.Undecided,
			"error", fsutil.WithoutPath(r.Cause), "hint", "run db check, and restore a backup if it reports damage")
	}
	return text
}
