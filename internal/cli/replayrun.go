package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func (opt replayOptions) run(ctx context.Context, a *app) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	r := &replay{replayOptions: opt, app: a, cfg: cfg, spool: spool.New(cfg.Database)}
	if err := r.open(ctx); err != nil {
		return err
	}
	defer closeInput(r.input)
	defer r.progress.done()
	if opt.dryRun {
		return withCopy(ctx, cfg.Database, func(store *sqlite.Store) error { return r.on(ctx, store) })
	}
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, _ Config) error { return r.on(ctx, store) })
}

// replay is one run of the command.
type replay struct {
	replayOptions
	app      *app
	cfg      Config
	spool    *spool.Spool
	input    io.ReadCloser // the lines to replay, where they are not the spool's or the log's own
	progress *progress
}

// open opens the input. It does so before the database is copied for a dry run: an attempt that
// moves from the spool to the database meanwhile is then seen twice, which is once, and not never.
func (r *replay) open(ctx context.Context) error {
	var size int64
	var err error
	switch {
	case r.from != "":
		r.input, size, err = r.app.openInput(r.from)
	case r.dryRun && !r.rejected:
		r.input, err = r.spool.Snapshot(ctx)
	default:
		r.input = io.NopCloser(nil)
	}
	if err != nil {
		return err
	}
	r.progress = r.app.newProgress("replay", size)
	return nil
}

// on replays on a store and prints the report, also when it ends early.
func (r *replay) on(ctx context.Context, store *sqlite.Store) error {
	filter, err := r.filter(ctx, store)
	if err != nil {
		return err
	}
	report, err := r.decide(ctx, store, filter)
	r.progress.done()
	if ctx.Err() != nil {
		err = r.interrupted()
	}
	if err == nil && report.Malformed > 0 {
		err = r.malformed(report.Malformed)
	}
	v := replayJSON{r.dryRun, report.Read, report.Attributed, report.Unchanged, report.Rejected, report.Malformed}
	return errors.Join(err, r.app.result(v, func() { r.app.printReplay(v) }))
}

func (r *replay) interrupted() error {
	if r.dryRun {
		return fmt.Errorf("%w: the dry run changed nothing, and its figures are of what it had read", errInterrupted)
	}
	return errInterruptedWithin
}

// malformed says what to do about lines that could not be replayed. A draining server adds to the file of
// broken lines at any time, so it is never the file to mend.
func (r *replay) malformed(n int64) error {
	lines := plural(n, "line")
	switch {
	case r.dryRun && r.from == "" && !r.rejected:
		return fmt.Errorf("%s of the spool cannot be replayed: a real run moves them to %s and replays the rest", lines, r.spool.BadFile())
	case r.dryRun && !r.rejected:
		return fmt.Errorf("%s cannot be replayed: mend the file first, or run the command without --dry-run to replay the rest", lines)
	case r.rejected:
		return fmt.Errorf("%s of the audit log could not be replayed", plural(n, "refusal"))
	case r.from == "":
		return fmt.Errorf("%s of the spool could not be replayed: mend them in a copy of %s, replay the copy with --from, then delete them there",
			lines, r.spool.BadFile())
	}
	return fmt.Errorf("%s could not be replayed: mend the file and run the command again, what is done stays as it is", lines)
}

func (r *replay) filter(ctx context.Context, store *sqlite.Store) (referral.RejectedFilter, error) {
	f := referral.RejectedFilter{Reason: r.reason, Since: r.since, Until: r.until}
	if r.user != "" {
		u, err := findUser(ctx, store, r.user)
		if err != nil {
			return f, err
		}
		f.UserID = u.ID
	}
	return f, nil
}

func (r *replay) decide(ctx context.Context, store *sqlite.Store, f referral.RejectedFilter) (referral.Report, error) {
	opt := referral.Options{Rules: r.cfg.Rules(), Progress: r.progress.lines, OnBad: func(number int, err error) {
		r.progress.clear()
		fmt.Fprintf(r.app.Err, "line %d: %s\n", number, escapeText(err.Error()))
	}}
	switch {
	case r.rejected:
		return referral.ReplayRejected(ctx, store, store, f, opt)
	case r.from != "":
		lines := interruptible(ctx, r.progress.reader(r.input))
		return referral.ReplayLines(ctx, store, lines, referral.SourceReplay, opt)
	case r.dryRun:
		return referral.ReplayLines(ctx, store, r.input, referral.SourceSpool, opt)
	}
	return referral.DrainSpool(ctx, store, r.spool, opt)
}

// withCopy lends use a copy of the database that is thrown away afterwards.
func withCopy(ctx context.Context, database string, use func(*sqlite.Store) error) (err error) {
	source, err := sqlite.Open(ctx, database, sqlite.Options{Mode: sqlite.ReadOnly})
	if err != nil {
		return openError(err)
	}
	dir, err := os.MkdirTemp("", "triport-dry-run-")
	if err != nil {
		return errors.Join(fmt.Errorf("make room for a copy of the database: %w", err), closeStore(source))
	}
	defer func() {
		// Everybody's e-mail address is in there.
		if rerr := os.RemoveAll(dir); rerr != nil {
			err = errors.Join(err, fmt.Errorf("the copy of the database could not be removed, do it by hand: %w", rerr))
		}
	}()
	file := filepath.Join(dir, "copy.db")
	_, err = source.Backup(ctx, file)
	if err = errors.Join(err, closeStore(source)); err != nil {
		return fmt.Errorf("copy the database for a dry run: %w", err)
	}
	store, err := sqlite.Open(ctx, file, sqlite.Options{Mode: sqlite.ReadWrite})
	if err != nil {
		return fmt.Errorf("open the copy for a dry run: %w", err)
	}
	return errors.Join(use(store), closeStore(store))
}

type replayJSON struct {
	DryRun     bool                      `json:"dry_run"`
	Read       int64                     `json:"read"`
	Attributed int64                     `json:"attributed"`
	Unchanged  int64                     `json:"unchanged"`
	Rejected   map[referral.Reason]int64 `json:"rejected"`
	Malformed  int64                     `json:"malformed"`
}

func (a *app) printReplay(v replayJSON) {
	var refused int64
	for _, n := range v.Rejected {
		refused += n
	}
	if v.DryRun {
		a.printf("dry run: nothing was written\n")
	}
	a.printCount("read", v.Read)
	a.printCount("attributed", v.Attributed)
	a.printCount("unchanged", v.Unchanged)
	a.printCount("rejected", refused)
	for _, r := range referral.Reasons {
		if n := v.Rejected[r.Reason]; n > 0 {
			a.printCount("  "+string(r.Reason), n)
		}
	}
	a.printCount("malformed", v.Malformed)
}

func (a *app) printCount(what string, n int64) { a.printf("%-18s%12s\n", what, grouped(n)) }
