package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/referral"
)

type replayOptions struct {
	from     string // a file, or - for standard input; empty without --from
	rejected bool
	reason   referral.Reason
	user     string
	since    time.Time
	until    time.Time
	dryRun   bool
}

// replayFlags are the options as they are typed.
type replayFlags struct {
	from, reason, user, since, until string
	rejected, dryRun                 bool
}

func newReplay(a *app) *cobra.Command {
	var f replayFlags
	cmd := leaf(a, "replay [--from FILE | --rejected] [--dry-run]", "put attempts through the decision again",
		`Put attempts through the same decision again, each with its original time: those
that wait in the spool, or those of a file, or with --rejected those that the
audit log says were refused. What is attributed already stays as it is, so
running it twice is as good as once. Safe beside a running server.

A file holds JSON lines: {"user":"<id or e-mail>","code":"…","at":"<RFC 3339>"}
and, where it is known, "attempt_id". A line that cannot be replayed is reported
with its number, and the rest goes on; the exit code is then 1. Such a line of
the spool is moved to <database>.spool.bad.

--dry-run decides on a copy of the database in $TMPDIR and writes nothing else.
Times are RFC 3339 (2026-01-31T12:00:00Z) or a while ago (90m, 24h, 7d).`,
		`  triport-console referral replay --dry-run
  triport-console referral replay --from attempts.jsonl
  triport-console referral replay --rejected --reason unknown_code --since 24h`,
		func(cmd *cobra.Command, args []string) (action, error) {
			if err := exactly(args); err != nil {
				return nil, err
			}
			return f.parse(cmd, a.now())
		})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "replay the lines of `FILE`, - for standard input")
	flags.BoolVar(&f.rejected, "rejected", false, "replay the refused attempts of the audit log")
	flags.StringVar(&f.reason, "reason", "", "with --rejected: only those refused for this `reason`")
	flags.StringVar(&f.user, "user", "", "with --rejected: only those of this `user`, an id, an e-mail address or a code")
	flags.StringVar(&f.since, "since", "", "with --rejected: only those made at this `time` or later")
	flags.StringVar(&f.until, "until", "", "with --rejected: only those made before this `time`")
	flags.BoolVar(&f.dryRun, "dry-run", false, "tell what would happen and change nothing")
	// The function fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.FixedCompletions(keptReasons(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f replayFlags) parse(cmd *cobra.Command, now time.Time) (action, error) {
	given := cmd.Flags().Changed
	if given("from") && f.from == "" {
		return nil, usagef("--from names no file")
	}
	if given("from") && f.rejected {
		return nil, usagef("--from and --rejected exclude each other")
	}
	for _, name := range []string{"reason", "user", "since", "until"} {
		if given(name) && !f.rejected {
			return nil, usagef("--%s works only together with --rejected", name)
		}
		if given(name) && cmd.Flag(name).Value.String() == "" {
			return nil, usagef("--%s is empty", name)
		}
	}
	opt := replayOptions{from: f.from, rejected: f.rejected, user: f.user, dryRun: f.dryRun, reason: referral.Reason(f.reason)}
	var errs [3]error
	if f.reason != "" && !opt.reason.Audited() {
		errs[0] = fmt.Errorf("--reason: %q is not one of %s", f.reason, strings.Join(keptReasons(), ", "))
	}
	opt.since, errs[1] = parseTimeFlag("since", f.since, now)
	opt.until, errs[2] = parseTimeFlag("until", f.until, now)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, badValue(err)
	}
	if !opt.since.IsZero() && !opt.until.IsZero() && !opt.since.Before(opt.until) {
		return nil, badValue(errors.New("--since is not before --until"))
	}
	return opt, nil
}

// keptReasons are the reasons that the audit log knows.
func keptReasons() []string {
	var kept []string
	for _, r := range referral.Reasons {
		if r.Audited {
			kept = append(kept, string(r.Reason))
		}
	}
	return kept
}

// parseTimeFlag reads an RFC 3339 time or a while before now. Without a value the time is zero.
func parseTimeFlag(name, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return t.UTC().Truncate(time.Microsecond), nil
	}
	ago, err := parseAgo(value)
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("--%s: %q is neither an RFC 3339 time, such as 2026-01-31T12:00:00Z, nor a while ago, such as 24h or 7d", name, value)
	}
	return now.Add(-ago), nil
}

// maxDays is the most days a time.Duration can hold.
const maxDays = 106751

func parseAgo(value string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(value, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > maxDays {
			return 0, fmt.Errorf("%q is not a number of days", value)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return parseDuration(value)
}
