package referral

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Report counts what a replay did. Twice is once: a second run of the same attempts differs only in
// that what was attributed is unchanged.
type Report struct {
	Read       int64            // lines or events, malformed ones included
	Attributed int64            // linked by this run
	Unchanged  int64            // linked before this run, by this attempt or by another
	Rejected   map[Reason]int64 // refused by this run, or before it: see Verdict.Refused
	Malformed  int64            // lines that are no attempt or name no user
}

func (r Report) refused() (n int64) {
	for _, c := range r.Rejected {
		n += c
	}
	return n
}

func (r *Report) count(v Verdict) {
	switch {
	case v.Outcome.Attributed:
		r.Attributed++
	case v.Known:
		r.Unchanged++
	case v.Refused != "":
		r.Rejected[v.Refused]++
	case v.Outcome.Reason == ReasonAlreadyAttributed:
		r.Unchanged++
	default:
		r.Rejected[v.Outcome.Reason]++
	}
}

// Options are what a replay may be told.
type Options struct {
	Rules Rules
	// OnBad is told of each line that is no attempt or names no user, in file order within a batch.
	OnBad func(number int, err error)
	// Progress is told how many lines have been read so far; nil when nobody watches.
	Progress func(read int64)
}

// replayBatch is how many attempts share a transaction: enough that a commit's fsync is shared, few
// enough that the write lock is held for some forty milliseconds beside a running server.
const replayBatch = 1024

// ReplayLines puts the attempts of a replay file through the decision, in file order and in constant
// memory. Malformed lines are reported and passed over; an error means that the store or the file
// failed, and that what the report counts is done.
func ReplayLines(ctx context.Context, store Store, r io.Reader, source Source, opt Options) (Report, error) {
	b := newBatcher(ctx, store, opt, nil)
	err := b.lines(r, source)
	return b.report, err
}

// ReplayRejected puts refused attempts of the audit log through the decision again.
func ReplayRejected(ctx context.Context, store Store, log RejectedLog, f RejectedFilter, opt Options) (Report, error) {
	b := newBatcher(ctx, store, opt, nil)
	err := b.attempts(log.Rejected(ctx, f))
	return b.report, err
}

// DrainSpool puts what waits in the spool through the decision. Broken lines move to the spool's file of
// broken lines.
func DrainSpool(ctx context.Context, store Store, spool Spool, opt Options) (Report, error) {
	total := newReport()
	err := spool.Drain(ctx, func(segment io.Reader, setAside SetAside) error {
		b := newBatcher(ctx, store, opt, setAside)
		b.report = total
		err := b.lines(segment, SourceSpool)
		total = b.report
		return err
	})
	return total, err
}

func newReport() Report { return Report{Rejected: make(map[Reason]int64)} }

// batcher gathers attempts into transactions and counts what became of them.
type batcher struct {
	ctx      context.Context
	store    Store
	opt      Options
	setAside SetAside // nil when broken lines stay in the caller's file
	report   Report
	waiting  []Attempt
	origin   []origin
}

// origin says where an attempt came from, for the case that the store finds it names no user.
type origin struct {
	number int
	raw    []byte // kept only when lines can be set aside
}

func newBatcher(ctx context.Context, store Store, opt Options, setAside SetAside) *batcher {
	if opt.OnBad == nil {
		opt.OnBad = func(int, error) {}
	}
	if opt.Progress == nil {
		opt.Progress = func(int64) {}
	}
	return &batcher{ctx: ctx, store: store, opt: opt, setAside: setAside, report: newReport()}
}

func (b *batcher) lines(r io.Reader, source Source) error {
	for l, err := range ReadLines(r, source) {
		if err != nil {
			return errors.Join(err, b.flush())
		}
		b.report.Read++
		if l.Err != nil {
			raw := io.Reader(bytes.NewReader(l.Raw))
			if l.Rest != nil {
				raw = io.MultiReader(raw, l.Rest)
			}
			if err := b.bad(l.Number, raw, l.Err); err != nil {
				return err
			}
			continue
		}
		from := origin{number: l.Number}
		if b.setAside != nil {
			from.raw = bytes.Clone(l.Raw)
		}
		if err := b.add(l.Attempt, from); err != nil {
			return err
		}
	}
	return b.flush()
}

func (b *batcher) attempts(seq iter.Seq2[Attempt, error]) error {
	for a, err := range seq {
		if err != nil {
			return errors.Join(err, b.flush())
		}
		b.report.Read++
		if err := b.add(a, origin{number: int(b.report.Read)}); err != nil {
			return err
		}
	}
	return b.flush()
}

func (b *batcher) add(a Attempt, from origin) error {
	b.waiting, b.origin = append(b.waiting, a), append(b.origin, from)
	if len(b.waiting) < replayBatch {
		return nil
	}
	return b.flush()
}

// flush decides what is waiting. On an error nothing of it is decided, and nothing of it counted.
func (b *batcher) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	verdicts, err := b.store.Replay(b.ctx, b.waiting, b.opt.Rules)
	if err != nil {
		b.report.Read -= int64(len(b.waiting))
		return fmt.Errorf("replay %d attempts: %w", len(b.waiting), err)
	}
	for i, v := range verdicts {
		if v.Err != nil {
			if err := b.bad(b.origin[i].number, bytes.NewReader(b.origin[i].raw), v.Err); err != nil {
				return err
			}
			continue
		}
		b.report.count(v)
	}
	b.waiting, b.origin = b.waiting[:0], b.origin[:0]
	b.opt.Progress(b.report.Read)
	return nil
}

// bad counts a line that is no attempt, sets it aside in a spool, and reports it: once, however often
// its segment has to be drained.
func (b *batcher) bad(number int, raw io.Reader, cause error) error {
	fresh := true
	if b.setAside != nil {
		var err error
		if fresh, err = b.setAside(raw); err != nil {
			return fmt.Errorf("set a broken line aside: %w", err)
		}
	}
	b.report.Malformed++
	if fresh {
		b.opt.OnBad(number, cause)
	}
	return nil
}
