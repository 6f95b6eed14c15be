package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Service answers live attempts: best effort for the caller, and never lost.
type Service struct {
	store    Store
	spool    Spool
	rules    Rules
	deadline time.Duration
	log      *slog.Logger
	last     *lastResort
	capped   onceADay
}

// NewService returns a Service. deadline bounds the wait for the store's commit. An attempt that
// neither the store nor the spool could take is written to lastResort as one line of JSON that replay
// can read.
func NewService(store Store, spool Spool, rules Rules, deadline time.Duration, log *slog.Logger, out io.Writer) *Service {
	return &Service{store: store, spool: spool, rules: rules, deadline: deadline, log: log, last: &lastResort{w: out}}
}

// spoolTime bounds the wait for the spool's fsync, on top of the deadline: a disk that hangs must
// not hold a sign-in for ever.
const spoolTime = 2 * time.Second

// Attribute decides the attempt and answers what is durable. It has no error: an attempt that the
// store did not commit in time waits in the spool and is answered with ReasonInternalError.
func (s *Service) Attribute(ctx context.Context, a Attempt) Outcome {
	if a.Code == "" {
		return Outcome{Reason: ReasonNoCookie}
	}
	o, err := s.decide(ctx, a)
	if err != nil {
		s.keep(ctx, a, err)
		return Outcome{Reason: ReasonInternalError}
	}
	if o.Unstored && s.capped.first(a.User, a.At) {
		s.log.Warn("refusals of this user are no longer stored today: a page or a script repeats the call",
			"user", a.User, "stored", MaxLiveRefusals)
	}
	return o
}

// decide has the store decide within the deadline. A panic on the way is an error like any other: the
// attempt must not be lost to it.
func (s *Service) decide(ctx context.Context, a Attempt) (o Outcome, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic with a %T", v)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	return s.store.Attribute(ctx, a, s.rules)
}

// keep puts an attempt that the store did not take where it is not lost.
func (s *Service) keep(ctx context.Context, a Attempt, cause error) {
	timed, cancel := context.WithTimeout(context.WithoutCancel(ctx), spoolTime)
	defer cancel()
	err := s.spool.Append(timed, a)
	if err == nil {
		s.log.Warn("the store did not take an attempt: it waits in the spool",
			"attempt_id", a.ID, "request_id", a.RequestID, "cause", WithoutPath(cause))
		return
	}
	if werr := s.last.write(a); werr != nil {
		s.log.Error("an attempt could not be written down anywhere and is lost: its user, code and time stand here",
			"attempt_id", a.ID, "user", a.User, "code", a.Code, "at", a.At, "cause", WithoutPath(werr))
	}
	s.log.Error("neither the store nor the spool took an attempt: replay its line of this log with referral replay --from",
		"attempt_id", a.ID, "request_id", a.RequestID, "cause", WithoutPath(cause), "spool", WithoutPath(err))
}

// WithoutPath takes the names of files out of an error of the file system: paths have no place in a
// server's log, nor in what /readyz says.
func WithoutPath(err error) error {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file):
		return fmt.Errorf("%s: %w", file.Op, file.Err)
	case errors.As(err, &link):
		return fmt.Errorf("%s: %w", link.Op, link.Err)
	}
	return err
}

// lastResort writes attempts as lines of JSON beside the log, whatever format the log has.
type lastResort struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lastResort) write(a Attempt) error {
	b, err := json.Marshal(struct {
		Level string `json:"level"`
		Msg   string `json:"msg"`
		line
	}{"error", "attempt to replay with referral replay --from", lineOf(a)})
	if err != nil {
		return fmt.Errorf("format the attempt: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write the attempt to the error log: %w", err)
	}
	return nil
}

// onceADay tells the first call for a key in a UTC day from later ones. It forgets yesterday's keys,
// so it holds as many as one day brings.
type onceADay struct {
	mu   sync.Mutex
	day  int64
	seen map[string]struct{}
}

func (o *onceADay) first(key string, at time.Time) bool {
	day := at.Unix() / (24 * 60 * 60)
	o.mu.Lock()
	defer o.mu.Unlock()
	if day != o.day || o.seen == nil {
		o.day, o.seen = day, make(map[string]struct{})
	}
	if _, ok := o.seen[key]; ok {
		return false
	}
	o.seen[key] = struct{}{}
	return true
}

// Drain puts the attempts that wait in the spool through the decision. It returns what became of
// them; an error means that the rest still waits.
func (s *Service) Drain(ctx context.Context) (Report, error) {
	return DrainSpool(ctx, s.store, s.spool, Options{Rules: s.rules, OnBad: func(number int, err error) {
		s.log.Error("a broken line of the spool was set aside: read it in the .spool.bad file, mend it and replay it with referral replay --from",
			"line", number, "cause", err)
	}})
}

// DrainWhenWaiting drains the spool now and at every tick at which attempts wait, until ctx ends or
// ticks is closed. A store that is still sick is tried again at the next tick, and logged once.
func (s *Service) DrainWhenWaiting(ctx context.Context, ticks <-chan time.Time) {
	var failing bool
	for {
		if waiting, err := s.spool.Waiting(); waiting || err != nil {
			report, err := s.Drain(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil && !failing:
				s.log.Error("the spool cannot be drained yet: it is tried again every second", "cause", WithoutPath(err))
			case err == nil:
				s.log.Info("the spool is drained", "read", report.Read, "attributed", report.Attributed,
					"unchanged", report.Unchanged, "rejected", report.refused(), "malformed", report.Malformed)
			}
			failing = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case _, ok := <-ticks:
			if !ok {
				return
			}
		}
	}
}
