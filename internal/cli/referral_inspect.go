package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// defaultInspectLimit is how many events and how many invitees are shown by default.
const defaultInspectLimit = 50

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
		Args: arguments("<user>"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.limit < 1 {
				return badValue(errors.New("--limit must be at least 1"))
			}
			opt.user = args[0]
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().IntVar(&opt.limit, "limit", defaultInspectLimit, "maximum `number` of events and of invitees, newest first")
	return cmd
}

func (opt referralInspectOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadOnly, opt.user, func(store *sqlite.Store, u auth.User) error {
		in, err := store.Inspect(ctx, u.ID, opt.limit)
		if err != nil {
			return fmt.Errorf("inspect the user: %w", err)
		}
		// If the spool cannot be read, support still gets the rest, but a script sees that it is incomplete.
		pending, err := countPending(ctx, e.cfg.Database, u)
		return errors.Join(err, e.result(inspectionToJSON(in, pending), func() { e.printInspection(in, pending) }))
	})
}

func countPending(ctx context.Context, database string, u auth.User) (int, error) {
	n, err := spool.New(database).Pending(ctx, func(a referral.Attempt) bool { return a.User == u.ID || a.User == u.Email })
	if err != nil {
		return n, fmt.Errorf("attempts that wait in the spool are not counted: %w", err)
	}
	return n, nil
}

func inspectionToJSON(in referral.Inspection, pending int) object {
	u := in.User
	var referrer any
	if r := in.ReferredBy; r != nil {
		referrer = append(inviteeToJSON(*r), field{"attempt_id", r.AttemptID})
	}
	return object{
		{"user", object{{"id", u.ID}, {"email", u.Email}, {"display_name", u.DisplayName}, {"created_at", u.CreatedAt}, {"disabled_at", u.DisabledAt}}},
		{"codes", convert(in.Codes, func(c referral.Code) object {
			return object{{"code", c.Code}, {"kind", string(c.Kind)}, {"created_at", c.CreatedAt}, {"disabled_at", c.DisabledAt}}
		})},
		{"referred_by", referrer},
		{"invitees", object{{"count", in.InviteeCount}, {"latest", convert(in.Invitees, inviteeToJSON)}}},
		{"events", convert(in.Events, eventToJSON)},
		{"pending", pending},
	}
}

func inviteeToJSON(i referral.Relation) object {
	return object{{"user_id", i.UserID}, {"display_name", i.DisplayName}, {"code", i.Code}, {"attributed_at", i.AttributedAt}}
}

func eventToJSON(e referral.Event) object {
	return object{
		{"id", e.ID}, {"at", e.At}, {"type", string(e.Type)}, {"code", e.Code}, {"referrer_id", e.ReferrerID},
		{"reason", string(e.Reason)}, {"detail", e.Detail}, {"source", string(e.Source)}, {"attempt_id", e.AttemptID}, {"request_id", e.RequestID},
	}
}
