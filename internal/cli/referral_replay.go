package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type referralReplayOptions struct {
	from     string // a file, or - for standard input; empty without --from
	rejected bool
	reason   referral.Reason
	user     string
	dryRun   bool

	since, until time.Time
}

const signupWindowKey = "referral.signup_window"

func newReferralReplay(e *env) *cobra.Command {
	var opt referralReplayOptions
	cmd := &cobra.Command{
		Use: "replay [--from FILE | --rejected] [--dry-run]", Short: "decide attempts again",
		Long: `Decide attempts again, with the same rules and their original time: those in the
spool, those of a file, or with --rejected the rejected ones in the audit log.
Attributions stay as they are, so replaying twice equals replaying once. Safe
while the server runs. The signup window is the one that serve recorded in the
database, unless a flag, the environment or a file sets referral.signup_window.

A file contains JSON lines: {"user":"<id or e-mail>","code":"…","at":"<RFC 3339>"}
and, if known, "attempt_id". A malformed line is reported with its number, the
other lines are replayed, and the exit code is 1. A malformed line of the spool
moves to the dead-letter file <database>.spool.bad.

--dry-run decides on a copy of the database in $TMPDIR and writes nothing else.
Times are RFC 3339 (2026-01-31T12:00:00Z) or an age (90m, 24h, 7d).`,
		Example: `  triport-console referral replay --dry-run
  triport-console referral replay --from attempts.jsonl
  triport-console referral replay --rejected --reason unknown_code --since 24h`,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return opt.parse(cmd, e.now()) },
		RunE:    e.action(func([]string) command { return opt }),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&opt.from, "from", "", "replay the lines of `FILE`, - for standard input")
	flags.BoolVar(&opt.rejected, "rejected", false, "replay the rejected attempts of the audit log")
	flags.StringVar((*string)(&opt.reason), "reason", "", "with --rejected: only those with this `reason`")
	flags.StringVar(&opt.user, "user", "", "with --rejected: only those of this `user`, an id, an e-mail address or a code")
	flags.String("since", "", "with --rejected: only those made at this `time` or later")
	flags.String("until", "", "with --rejected: only those made before this `time`")
	flags.BoolVar(&opt.dryRun, "dry-run", false, "report what a real run would do, and change nothing")
	flags.String("signup-window", "", "decide with this `duration` instead of the one that serve recorded")
	e.keyFlags[signupWindowKey] = flags.Lookup("signup-window")
	completeFlag(cmd, "reason", auditedReasons()...)
	return cmd
}

// parse checks the flags and parses the times.
func (opt *referralReplayOptions) parse(cmd *cobra.Command, now time.Time) error {
	given := cmd.Flags().Changed
	value := func(name string) string { return cmd.Flag(name).Value.String() }
	for _, name := range []string{"from", "reason", "user", "since", "until"} {
		switch {
		case !given(name):
		case value(name) == "":
			return usagef("--%s is empty", name)
		case name == "from" && opt.rejected:
			return usagef("--from and --rejected cannot be combined")
		case name != "from" && !opt.rejected:
			return usagef("--%s works only together with --rejected", name)
		}
	}
	var errs [3]error
	if opt.reason != "" && !opt.reason.Audited() {
		errs[0] = fmt.Errorf("--reason: %q is not one of %s", opt.reason, strings.Join(auditedReasons(), ", "))
	}
	opt.since, errs[1] = parseTimeFlag("since", value("since"), now)
	opt.until, errs[2] = parseTimeFlag("until", value("until"), now)
	if err := errors.Join(errs[:]...); err != nil {
		return badValue(err)
	}
	if !opt.since.IsZero() && !opt.until.IsZero() && !opt.since.Before(opt.until) {
		return badValue(errors.New("--since is not before --until"))
	}
	return nil
}

func auditedReasons() []string {
	var audited []string
	for _, r := range referral.Reasons {
		if r.Audited {
			audited = append(audited, string(r.Reason))
		}
	}
	return audited
}

// parseTimeFlag parses an RFC 3339 time or an age. An empty value is the zero time.
func parseTimeFlag(name, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return t.UTC().Truncate(time.Microsecond), nil
	}
	text := value
	days, ok := strings.CutSuffix(value, "d")
	if n, err := strconv.ParseInt(days, 10, 32); ok && err == nil {
		text = fmt.Sprintf("%dh", 24*n)
	}
	age, err := config.ParseDuration(text)
	if err != nil || age < 0 {
		return time.Time{}, fmt.Errorf("--%s: %q is neither an RFC 3339 time, such as 2026-01-31T12:00:00Z, nor an age, such as 24h or 7d", name, value)
	}
	return now.Add(-age), nil
}

func (opt referralReplayOptions) run(ctx context.Context, e *env) error {
	settings, err := e.loadConfig()
	if err != nil {
		return err
	}
	r := &replay{referralReplayOptions: opt, env: e, spool: spool.New(e.cfg.Database)}
	r.window = settings[slices.IndexFunc(settings, func(s config.Setting) bool { return s.Key == signupWindowKey })]
	var size int64
	// A dry run copies the database later: an attempt that the server moves there in between is then seen twice,
	// which counts once, instead of never.
	switch {
	case r.from != "":
		r.input, size, err = e.openInput(r.from)
	case r.dryRun && !r.rejected:
		r.input, err = r.spool.Snapshot(ctx)
	default:
		r.input = io.NopCloser(nil)
	}
	if err != nil {
		return err
	}
	r.progress = e.newProgress("replay", size)
	defer func() { _ = r.input.Close() }() // it was only read
	use := func(store *sqlite.Store) error { return r.replay(ctx, store) }
	if opt.dryRun {
		return e.withCopy(ctx, use)
	}
	return e.withStore(ctx, sqlite.ReadWrite, use)
}

type replay struct {
	referralReplayOptions
	env      *env
	spool    *spool.Spool
	input    io.ReadCloser // of --from or, in a dry run, of the spool
	progress *progress

	window config.Setting // referral.signup_window
	rules  referral.Rules
	differ string // says that serve recorded another signup window
}

// replay prints a report, even if it ends early.
func (r *replay) replay(ctx context.Context, store *sqlite.Store) error {
	filter := referral.RejectedFilter{Reason: r.reason, Since: r.since, Until: r.until}
	if r.user != "" {
		u, err := findUser(ctx, store, r.user)
		if err != nil {
			return err
		}
		filter.UserID = u.ID
	}
	if err := r.setRules(ctx, store); err != nil {
		return err
	}
	report, err := r.decide(ctx, store, filter)
	r.progress.done()
	if ctx.Err() != nil {
		err = errPartlyDone
		if r.dryRun {
			err = fmt.Errorf("%w: the dry run changed nothing, the report covers what was read", errInterrupted)
		}
	}
	if err == nil && report.Malformed > 0 {
		err = r.malformedError(report.Malformed)
	}
	if n := report.Undecided; n > 0 {
		err = errors.Join(err, fmt.Errorf("%s could not be decided (those of the spool stay there): run %s db check, "+
			"and restore a backup if it reports damage: %w", plural(n, "attempt"), programName, report.Cause))
	}
	return errors.Join(err, r.print(report))
}

// setRules prefers the signup window that is set somewhere to the one that serve recorded, and that one to the default.
func (r *replay) setRules(ctx context.Context, store *sqlite.Store) error {
	r.rules = r.env.cfg.Rules()
	recorded, found, err := store.SignupWindow(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the signup window that serve recorded: %w", err)
	case !found || recorded == r.rules.SignupWindow:
	case r.window.Source == config.SourceDefault:
		r.rules.SignupWindow = recorded
	default:
		r.differ = fmt.Sprintf("signup window %s, but serve recorded %s", r.window.Value, config.FormatDuration(recorded))
		fmt.Fprintf(r.env.Err, "deciding with %s: remove referral.signup_window (%s) to decide as serve does\n",
			r.differ, escapeText(r.window.Source))
	}
	return nil
}

// malformedError says what to do. Only a copy may be edited: a server may append to the dead-letter file.
func (r *replay) malformedError(n int64) error {
	lines := plural(n, "line")
	switch {
	case r.rejected:
		return fmt.Errorf("%s of the audit log could not be replayed", plural(n, "rejection"))
	case r.dryRun && r.from == "":
		return fmt.Errorf("%s of the spool cannot be replayed: a real run moves them to %s and replays the rest", lines, r.spool.DeadLetterFile())
	case r.dryRun:
		return fmt.Errorf("%s cannot be replayed: correct the file first, or run the command without --dry-run to replay the rest", lines)
	case r.from == "":
		return fmt.Errorf("%s of the spool could not be replayed: correct them in a copy of %s, replay the copy with --from, then delete them there",
			lines, r.spool.DeadLetterFile())
	}
	return fmt.Errorf("%s could not be replayed: correct the file and run the command again, what is done stays as it is", lines)
}

func (r *replay) decide(ctx context.Context, store *sqlite.Store, f referral.RejectedFilter) (referral.Report, error) {
	opt := referral.Options{Rules: r.rules, Progress: r.progress.lines, OnBad: r.progress.badLine}
	switch {
	case r.rejected:
		return referral.ReplayRejected(ctx, store, store.Rejected(ctx, f), opt)
	case r.from != "":
		return referral.ReplayLines(ctx, store, interruptible(ctx, r.progress.reader(r.input)), referral.SourceReplay, opt)
	case r.dryRun:
		return referral.ReplayLines(ctx, store, r.input, referral.SourceSpool, opt)
	}
	return referral.DrainSpool(ctx, store, r.spool, opt)
}

// withCopy is withStore for a temporary copy of the database.
func (e *env) withCopy(ctx context.Context, use func(*sqlite.Store) error) (err error) {
	dir, err := os.MkdirTemp("", "triport-dry-run-")
	if err != nil {
		return fmt.Errorf("create a directory for a copy of the database: %w", err)
	}
	defer func() {
		// The copy contains the e-mail addresses of all users.
		if rerr := os.RemoveAll(dir); rerr != nil {
			err = errors.Join(err, fmt.Errorf("the copy of the database could not be removed, remove it by hand: %w", rerr))
		}
	}()
	file := filepath.Join(dir, "copy.db")
	err = e.withDatabase(ctx, e.cfg.Database, sqlite.Options{Mode: sqlite.ReadOnly}, func(source *sqlite.Store) error {
		if _, err := source.Backup(ctx, file); err != nil {
			return fmt.Errorf("copy the database for a dry run: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.withDatabase(ctx, file, sqlite.Options{Mode: sqlite.ReadWrite}, use)
}

func (r *replay) print(v referral.Report) error {
	result := object{{"dry_run", r.dryRun}, {"read", v.Read}, {"attributed", v.Attributed}, {"unchanged", v.Unchanged},
		{"rejected", v.Rejected}, {"malformed", v.Malformed}}
	return r.env.result(result, func() {
		if r.dryRun {
			r.env.printf("dry run: nothing was written\n")
		}
		if r.differ != "" {
			r.env.printf("decided with %s\n", r.differ)
		}
		r.env.printCounts(field{"read", v.Read}, field{"attributed", v.Attributed}, field{"unchanged", v.Unchanged}, field{"rejected", v.TotalRejected()})
		for _, reason := range referral.Reasons {
			if n := v.Rejected[reason.Reason]; n > 0 {
				r.env.printCounts(field{"  " + string(reason.Reason), n})
			}
		}
		r.env.printCounts(field{"malformed", v.Malformed})
	})
}
