package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type referralInspectOptions struct {
	user  string
	limit int
}

func newReferralInspect(e *env) *cobra.Command {
	var opt referralInspectOptions
	cmd := &cobra.Command{
		Use: "inspect <user> [--limit N]", Short: "show the referrer, codes, invitees and events of a user",
		Long: `Show who referred a user, through which code and when, or why no one did; the
user's codes, invitees and events, with the reason of each rejection in words.
Works while the server runs and takes no write lock.` + userHelp,
		Example: `  triport-console referral inspect ann@example.com
  triport-console referral inspect ann-example --limit 500 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.limit < 1 {
				return badValue(errors.New("--limit must be at least 1"))
			}
			opt.user = args[0]
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().IntVar(&opt.limit, "limit", 50, "maximum `number` of events and of invitees, newest first")
	return cmd
}

func (opt referralInspectOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadOnly, opt.user, func(store *sqlite.Store, u auth.User) error {
		in, err := store.Inspect(ctx, u.ID, opt.limit)
		if err != nil {
			return fmt.Errorf("inspect the user: %w", err)
		}
		// If the spool is unreadable, support gets the rest. A script gets exit code 1.
		ofUser := func(a referral.Attempt) bool { return a.User == u.ID || u.Email != "" && a.UserEmail == u.Email }
		pending, err := spool.New(e.cfg.Database).Pending(ctx, ofUser)
		if err != nil {
			err = fmt.Errorf("attempts that wait in the spool are not counted: %w", err)
		}
		return errors.Join(err, e.result(inspectionToJSON(in, pending), func() { e.printInspection(in, pending) }))
	})
}

func inspectionToJSON(in referral.Inspection, pending int) object {
	u := in.User
	var referrer any
	if r := in.ReferredBy; r != nil {
		referrer = append(relationToJSON(*r), field{"attempt_id", r.AttemptID})
	}
	return object{
		{"user", object{{"id", u.ID}, {"email", u.Email}, {"display_name", u.DisplayName},
			{"created_at", u.CreatedAt}, {"disabled_at", u.DisabledAt}}},
		{"codes", convert(in.Codes, func(c referral.Code) object {
			return object{{"code", c.Code}, {"kind", string(c.Kind)}, {"created_at", c.CreatedAt}, {"disabled_at", c.DisabledAt}}
		})},
		{"referred_by", referrer},
		{"invitees", object{{"count", in.InviteeCount}, {"latest", convert(in.Invitees, relationToJSON)}}},
		{"events", convert(in.Events, eventToJSON)},
		{"pending", pending},
	}
}

func relationToJSON(r referral.Relation) object {
	return object{{"user_id", r.UserID}, {"display_name", r.DisplayName}, {"code", r.Code}, {"attributed_at", r.AttributedAt}}
}

func eventToJSON(e referral.Event) object {
	return object{
		{"id", e.ID}, {"at", e.At}, {"type", string(e.Type)}, {"code", e.Code}, {"referrer_id", e.ReferrerID},
		{"reason", string(e.Reason)}, {"detail", e.Detail}, {"source", string(e.Source)},
		{"attempt_id", e.AttemptID}, {"request_id", e.RequestID},
	}
}

// printInspection prints an inspection for support, the answer first.
func (e *env) printInspection(in referral.Inspection, pending int) {
	e.printf("%s\n", e.styles.title.Render(personName(in.User.DisplayName, accountName(in.User))))
	rows := [][]any{{"id", in.User.ID}, {"email", textOrNone(in.User.Email)}, {"since", formatTime(in.User.CreatedAt)}}
	if in.User.Disabled() {
		rows = append(rows, []any{"disabled", styled(e.styles.bad, formatTime(in.User.DisabledAt))})
	}
	e.table("  ", rows)

	e.heading("Referred by")
	e.printReferrer(in)
	e.heading("Codes")
	e.printCodes("  ", in.Codes)
	var latest string
	if shown := int64(len(in.Invitees)); shown < in.InviteeCount {
		latest = fmt.Sprintf(", the latest %s", humanize.Comma(shown))
	}
	e.heading("Invitees: %s%s", humanize.Comma(in.InviteeCount), latest)
	e.printRows("none", convert(in.Invitees, inviteeRow))
	e.heading("Timeline, newest first")
	e.printRows("nothing on record", convert(in.Events, e.eventRow))
	if pending > 0 {
		e.heading("Waiting in the spool: %s", plural(pending, "attempt"))
		e.printf("  not decided yet: the server decides them when the database is available, or run: %s referral replay\n", programName)
	}
}

func (e *env) heading(format string, args ...any) {
	e.printf("\n%s\n", e.styles.title.Render(fmt.Sprintf(format, args...)))
}

// personName adds the name, if there is one, to an identifier.
func personName(name, unique string) string {
	if name == "" {
		return escapeText(unique)
	}
	return fmt.Sprintf("%s (%s)", escapeText(name), escapeText(unique))
}

func (e *env) printReferrer(in referral.Inspection) {
	if r := in.ReferredBy; r != nil {
		e.printf("  %s\n", e.styles.good.Render(personName(r.DisplayName, r.UserID)))
		e.printf("  through the code %s on %s\n", escapeText(r.Code), formatTime(r.AttributedAt))
		return
	}
	e.printf("  no one\n")
	for _, ev := range in.Events {
		if ev.Type == referral.EventRejected {
			e.printf("  The last attempt, with the code %s on %s, was rejected: %s.\n",
				escapeText(ev.Code), formatTime(ev.At), escapeText(ev.Reason.Describe(ev.Detail)))
			return
		}
	}
	e.printf("  No attempt with a code is on record.\n")
}

// printRows prints a table, or none if it is empty.
func (e *env) printRows(none string, rows [][]any) {
	if len(rows) == 0 {
		e.printf("  %s\n", none)
	}
	e.table("  ", rows)
}

func inviteeRow(i referral.Relation) []any {
	return []any{formatTime(i.AttributedAt), "through " + i.Code, i.UserID, i.DisplayName}
}

// sourceWords say if an attempt was not decided live.
var sourceWords = map[referral.Source]string{
	referral.SourceLive:   "",
	referral.SourceSpool:  "  decided later, from the spool",
	referral.SourceReplay: "  decided later, by a replay",
}

func (e *env) eventRow(ev referral.Event) []any {
	source, known := sourceWords[ev.Source]
	if !known {
		source = "  " + string(ev.Source)
	}
	return []any{formatTime(ev.At), ev.Code, e.describeEvent(ev) + styled(e.styles.faint, source)}
}

func (e *env) describeEvent(ev referral.Event) safe {
	switch ev.Type {
	case referral.EventSignup:
		return styled(e.styles.good, "referred") + " by " + escaped(ev.ReferrerID)
	case referral.EventRejected:
		return styled(e.styles.bad, "rejected") + ": " + escaped(ev.Reason.Describe(ev.Detail))
	}
	s := escaped(string(ev.Type))
	if ev.Detail != "" {
		s += ": " + escaped(ev.Detail)
	}
	return s
}
