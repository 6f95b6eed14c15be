package referral

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
// neither the store nor the spool could take is written to out as one line of JSON that replay
// can read.
func NewService(store Store, spool Spool, rules Rules, deadline time.Duration, log *slog.Logger, out io.Writer) *Service {
	return &Service{store: store, spool: spool, rules: rules, deadline: deadline, log: log, last: &lastResort{w: out}}
}

// spoolTime bounds the wait for the spool's fsync, on top of the deadline: a disk that hangs must
// not hold a sign-in for ever.
const spoolTime = 2 * time.Second

// Submit decides the attempt and answers what is durable. It has no error: an attempt that the
// store did not commit in time waits in the spool and is answered with ReasonInternalError.
func (s *Service) Submit(ctx context.Context, a Attempt) Outcome {
	if a.Code.Text == "" {
		return Outcome{Reason: ReasonNoCookie}
	}
	o, err := s.tryStore(ctx, a)
	if err != nil {
		s.keep(ctx, a, err)
		return Outcome{Reason: ReasonInternalError}
	}
	if o.Unstored && s.capped.first(a.User, a.At) {
		s.log.Warn("refusals of this user are no longer stored today: a page or a script repeats the call",
			"user", a.User, "stored", MaxLiveRefusals, "do", "find the page or the script that repeats the call for this user")
	}
	return o
}

// tryStore has the store decide within the deadline. A panic on the way is an error like any other: the
// attempt must not be lost to it.
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
			"attempt_id", a.ID, "user", a.User, "code", a.Code.Text, "at", a.At, "cause", WithoutPath(werr),
			"do", "decide the attempt by hand from what stands here")
		return
	}
	s.log.Error("neither the store nor the spool took an attempt: replay its line of this log with referral replay --from",
		"attempt_id", a.ID, "request_id", a.RequestID, "cause", WithoutPath(cause), "spool", WithoutPath(err),
		"do", "mend what cause and spool say, a full disk above all, then put the line through referral replay --from")
}

// WithoutPath leaves of the paths in the errors of the file system that err is or wraps the names of the
// files: folders have no place in a server's log, nor in what /readyz says.
func WithoutPath(err error) error {
	if paths := pathsIn(err); len(paths) > 0 {
		return pathless{err, paths}
	}
	return err
}

// pathless is an error whose words name files without the folders they are in.
type pathless struct {
	error
	paths []string
}

func (e pathless) Error() string {
	words := e.error.Error()
	for _, path := range e.paths {
		words = strings.ReplaceAll(words, path, filepath.Base(path))
	}
	return words
}

func (e pathless) Unwrap() error { return e.error }

func pathsIn(err error) (paths []string) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree by itself, for there may be several
	case *fs.PathError:
		paths = []string{e.Path}
	case *os.LinkError:
		paths = []string{e.Old, e.New}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			paths = append(paths, pathsIn(one)...)
		}
	case interface{ Unwrap() error }:
		paths = pathsIn(e.Unwrap())
	}
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" })
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
			"line", number, "cause", err,
			"do", "mend it in a copy of the .spool.bad file, put the copy through referral replay --from, then delete its line there")
	}})
}

// DrainWhenWaiting drains the spool now and at every tick at which attempts wait, until ctx ends or
// ticks is closed. What keeps it from that is tried again at the next tick, and logged when it is not what
// was logged last.
func (s *Service) DrainWhenWaiting(ctx context.Context, ticks <-chan time.Time) {
	var told string // the cause that the log has; empty when there is none
	for {
		if waiting, err := s.spool.Waiting(); !waiting && err == nil {
			told = "" // somebody else drained it
		} else {
			report, err := s.Drain(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				cause := WithoutPath(err).Error()
				if cause != told {
					s.log.Error("the spool cannot be drained yet: it is tried again every second", "cause", cause,
						"do", "mend what cause says of the database, or of the spool beside it")
				}
				told = cause
			default:
				told = ""
				s.log.Info("the spool is drained", "read", report.Read, "attributed", report.Attributed,
					"unchanged", report.Unchanged, "rejected", report.refused(), "malformed", report.Malformed)
			}
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
