package referral

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/triport/triport-console/internal/fsutil"
	"github.com/triport/triport-console/internal/throttle"
)

// Store decides and stores attempts. Its methods return when the outcome is durable. An error means that the store
// failed, never that an attempt is wrong.
type Store interface {
	// Attribute decides one live attempt. If ctx ends first, the attempt may still be committed later.
	// Safe for concurrent use.
	Attribute(ctx context.Context, a Attempt, rules Rules) (Outcome, error)
	// Replay decides attempts in order in one transaction: all of them or, on an error, none.
	Replay(ctx context.Context, attempts []Attempt, rules Rules) ([]Verdict, error)
}

// Spool keeps attempts that the store could not take. Safe for concurrent use, also by other processes.
type Spool interface {
	// Append makes the attempts durable.
	Append(ctx context.Context, attempts ...Attempt) error
	// Drain passes what waits to replay, one segment at a time, and removes a segment after replay returned nil.
	// It waits while another process drains.
	Drain(ctx context.Context, replay func(segment io.Reader, deadLetter DeadLetter) error) error
	// Waiting reports whether attempts wait, without reading them.
	Waiting() (bool, error)
}

// DeadLetter copies a bad line to the dead-letter file. isNew is false if an earlier drain, which failed, did so.
type DeadLetter = func(line io.Reader) (isNew bool, err error)

// Service decides live attempts. It never fails a caller and never loses an attempt.
type Service struct {
	store    Store
	spool    Spool
	rules    Rules
	deadline time.Duration
	log      *slog.Logger
	outMu    sync.Mutex
	out      io.Writer
	limited  *throttle.Throttle // users whose rejections are no longer stored today
}

// spoolTimeout limits the wait for the spool's fsync, after the deadline: a disk that hangs must not block a
// sign-in permanently.
const spoolTimeout = 2 * time.Second

const day = 24 * time.Hour

// NewService returns a Service. deadline limits the wait for the store's commit. An attempt that store and
// spool both reject is written to out as one line of JSON for replay.
func NewService(store Store, spool Spool, rules Rules, deadline time.Duration, log *slog.Logger, out io.Writer) *Service {
	return &Service{store: store, spool: spool, rules: rules, deadline: deadline, log: log, out: out, limited: throttle.New(day)}
}

// Submit decides the attempt and returns a durable outcome. If the store did not commit in time, the attempt
// goes to the spool and the reason is ReasonInternalError.
func (s *Service) Submit(ctx context.Context, a Attempt) Outcome {
	if a.Code.Text == "" {
		return Outcome{Reason: ReasonNoCookie}
	}
	o, err := s.tryStore(ctx, a)
	if err != nil {
		s.spoolAttempt(ctx, a, err)
		return Outcome{Reason: ReasonInternalError}
	}
	if o.Unstored && s.limited.Allow(a.User, a.At.Truncate(day)) {
		s.log.Warn("daily limit of stored rejections reached for a user", "user", a.User, "stored", MaxStoredRejections,
			"hint", "find the page or script that repeats the call for this user")
	}
	return o
}

// tryStore decides within the deadline. A panic is an error too: the attempt must not be lost.
func (s *Service) tryStore(ctx context.Context, a Attempt) (o Outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic with a %T", v)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	return s.store.Attribute(ctx, a, s.rules)
}

// spoolAttempt saves an attempt that the store rejected with storeErr.
func (s *Service) spoolAttempt(ctx context.Context, a Attempt, storeErr error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spoolTimeout)
	defer cancel()
	log := s.log.With("attempt_id", a.ID, "request_id", a.RequestID, "error", fsutil.WithoutPath(storeErr))
	err := s.spool.Append(ctx, a)
	if err == nil {
		log.Warn("attempt spooled")
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

// logAttempt writes an attempt as a line of JSON, whatever format the logger has.
func (s *Service) logAttempt(a Attempt) error {
	s.outMu.Lock()
	defer s.outMu.Unlock()
	_, err := fmt.Fprintf(s.out, `{"level":"error","msg":"attempt to replay with referral replay --from",%s`+"\n", FormatLine(a)[1:])
	return err
}

// Drain decides the attempts in the spool. After an error, the rest still waits.
func (s *Service) Drain(ctx context.Context) (Report, error) {
	return DrainSpool(ctx, s.store, s.spool, Options{Rules: s.rules, OnBad: func(number int, err error) {
		s.log.Error("spool line moved to the dead-letter file", "line", number, "error", err,
			"hint", "fix it in a copy of the .spool.bad file, pass the copy to referral replay --from, then delete its line there")
	}})
}

// DrainWhenWaiting drains the spool now and at every tick, if attempts wait, until ctx ends or ticks is closed.
func (s *Service) DrainWhenWaiting(ctx context.Context, ticks <-chan time.Time) {
	logged := s.drainIfWaiting(ctx, "")
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-ticks:
			if !ok {
				return
			}
			logged = s.drainIfWaiting(ctx, logged)
		}
	}
}

// drainIfWaiting drains the spool and returns the error that it logged. It logs an error that repeats only once.
func (s *Service) drainIfWaiting(ctx context.Context, logged string) string {
	if waiting, err := s.spool.Waiting(); !waiting && err == nil {
		return "" // another process drained it
	}
	report, err := s.Drain(ctx)
	switch {
	case ctx.Err() != nil:
		return logged
	case err == nil:
		s.log.Info("spool drained", "read", report.Read, "attributed", report.Attributed,
			"unchanged", report.Unchanged, "rejected", report.TotalRejected(), "malformed", report.Malformed)
		return ""
	}
	text := fsutil.WithoutPath(err).Error()
	if text != logged {
		s.log.Error("spool could not be drained, retrying every second", "error", text,
			"hint", "fix what the error names: the database, or the spool files next to it")
	}
	return text
}
