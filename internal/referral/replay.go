package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/triport/triport-console/internal/jsonl"
)

// Verdict is the result of one replayed attempt.
type Verdict struct {
	Outcome Outcome
	Known   bool  // it is recorded as a signup already
	Err     error // ErrNoUser or ErrAttemptTaken: there was nothing to decide
	// Rejected is the recorded reason, if a later attempt of a replay gave the user a referrer. It counts as that
	// rejection: a second replay reports the same counts.
	Rejected Reason
}

// RejectedFilter selects rejections by its non-zero fields.
type RejectedFilter struct {
	Reason Reason
	UserID string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
}

// Report counts the results of a replay. In a second replay, what was attributed is unchanged.
type Report struct {
	Read       int64            // lines or events, including malformed ones
	Attributed int64            // by this run
	Unchanged  int64            // attributed before this run, by this attempt or another
	Rejected   map[Reason]int64 // by this run or before; see Verdict.Rejected
	Malformed  int64            // lines that contain no attempt or name no user
	Undecided  int64            // attempts that the store failed on while others succeeded
	Cause      error            // of the last undecided attempt
}

// ErrUndecided is why an attempt stays in the spool: the store failed on it alone, for example on a damaged page.
var ErrUndecided = errors.New("the attempt cannot be decided now")

// Undecided is what a replay of a segment returns if everything but these lines is done.
type Undecided struct{ Lines []byte }

// Error says that lines are left.
func (*Undecided) Error() string { return "some attempts cannot be decided now" }

// TotalRejected returns the number of rejections for all reasons.
func (r Report) TotalRejected() (n int64) {
	for _, c := range r.Rejected {
		n += c
	}
	return n
}

func (r *Report) count(v Verdict) {
	switch {
	case v.Err != nil:
	case v.Outcome.Attributed:
		r.Attributed++
	case v.Known || v.Rejected == "" && v.Outcome.Reason == ReasonAlreadyAttributed:
		r.Unchanged++
	default:
		r.Rejected[cmp.Or(v.Rejected, v.Outcome.Reason)]++
	}
}

// Options are the options of a replay. Each function may be nil.
type Options struct {
	Rules    Rules
	OnBad    func(number int, err error) // receives each malformed line, in file order
	Progress func(read int64)            // receives Report.Read
}

// replayBatch is the number of attempts that a store gets at once.
const replayBatch = 1024

// ReplayLines decides the attempts of a file in order. After an error, what the report counts is done.
func ReplayLines(ctx context.Context, store Store, r io.Reader, source Source, opt Options) (Report, error) {
	report := Report{Rejected: make(map[Reason]int64)}
	err := report.replay(ctx, store, ReadLines(r, source), opt, nil)
	return report, err
}

// ReplayRejected decides rejected attempts of the audit log again. A read error ends the sequence.
func ReplayRejected(ctx context.Context, store Store, rejected iter.Seq2[Attempt, error], opt Options) (Report, error) {
	report := Report{Rejected: make(map[Reason]int64)}
	err := report.replay(ctx, store, func(yield func(jsonl.Parsed[Attempt], error) bool) {
		var l jsonl.Parsed[Attempt]
		for a, err := range rejected {
			l.Number, l.Value = l.Number+1, a
			if !yield(l, err) {
				return
			}
		}
	}, opt, nil)
	return report, err
}

// DrainSpool decides the attempts in the spool. Bad lines move to its dead-letter file.
func DrainSpool(ctx context.Context, store Store, spool Spool, opt Options) (Report, error) {
	report := Report{Rejected: make(map[Reason]int64)}
	err := spool.Drain(ctx, func(segment io.Reader, deadLetter DeadLetter) error {
		return report.replay(ctx, store, ReadLines(segment, SourceSpool), opt, deadLetter)
	})
	return report, err
}

// replay decides lines and adds to the report. A nil deadLetter keeps no bad lines.
func (r *Report) replay(ctx context.Context, store Store, lines iter.Seq2[jsonl.Parsed[Attempt], error],
	opt Options, deadLetter DeadLetter,
) error {
	b := jsonl.Batcher[Attempt]{Size: replayBatch, Progress: opt.Progress, Read: r.Read}
	var undecided Undecided
	b.Store = func(attempts []Attempt) (bad []error, err error) {
		verdicts, err := decideEach(ctx, store, attempts, opt.Rules)
		for _, v := range verdicts {
			r.count(v)
			bad = append(bad, v.Err)
		}
		if err != nil {
			return nil, fmt.Errorf("replay %d attempts: %w", len(attempts)-len(verdicts), err)
		}
		return bad, nil
	}
	b.OnBad = func(number int, text io.Reader, reason error) error {
		if errors.Is(reason, ErrUndecided) {
			r.Undecided, r.Cause = r.Undecided+1, reason
			line, err := io.ReadAll(text)
			undecided.Lines = append(append(undecided.Lines, line...), '\n')
			if opt.OnBad != nil {
				opt.OnBad(number, reason)
			}
			return err
		}
		r.Malformed++
		if deadLetter != nil {
			if isNew, err := deadLetter(text); err != nil || !isNew {
				return err // not new: an earlier drain reported it
			}
		}
		if opt.OnBad != nil {
			opt.OnBad(number, reason)
		}
		return nil
	}
	err := b.Run(lines)
	r.Read = b.Read
	if err == nil && deadLetter != nil && len(undecided.Lines) > 0 {
		return &undecided
	}
	return err
}

// decideEach halves a batch that fails for an error of one attempt, until that attempt is alone: its verdict has
// ErrUndecided.
func decideEach(ctx context.Context, store Store, attempts []Attempt, rules Rules) ([]Verdict, error) {
	verdicts, err := store.Replay(ctx, attempts, rules)
	var one interface{ Isolated() bool }
	if err == nil || ctx.Err() != nil || !errors.As(err, &one) || !one.Isolated() {
		return verdicts, err
	}
	rest := attempts[len(verdicts):]
	if len(rest) == 1 {
		return append(verdicts, Verdict{Err: fmt.Errorf("%w: %w", ErrUndecided, err)}), nil
	}
	for _, half := range [][]Attempt{rest[:len(rest)/2], rest[len(rest)/2:]} {
		more, err := decideEach(ctx, store, half, rules)
		if verdicts = append(verdicts, more...); err != nil {
			return verdicts, err
		}
	}
	return verdicts, nil
}
