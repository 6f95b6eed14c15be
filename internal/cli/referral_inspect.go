package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// countPending counts the user's attempts in the spool.
func countPending(ctx context.Context, database string, u auth.User) (int, error) {
	n, err := spool.New(database).Pending(ctx, func(a referral.Attempt) bool { return a.User == u.ID || a.User == u.Email })
	if err != nil {
		return n, fmt.Errorf("attempts that wait in the spool are not counted: %w", err)
	}
	return n, nil
}

type inspectionJSON struct {
	User       listedAccountJSON `json:"user"`
	Codes      []codeJSON        `json:"codes"`
	ReferredBy *referrerJSON     `json:"referred_by"`
	Invitees   inviteesJSON      `json:"invitees"`
	Events     []eventJSON       `json:"events"`
	Pending    int               `json:"pending"`
}

type inviteeJSON struct {
	UserID       string    `json:"user_id"`
	DisplayName  *string   `json:"display_name"`
	Code         string    `json:"code"`
	AttributedAt time.Time `json:"attributed_at"`
}

type referrerJSON struct {
	inviteeJSON
	AttemptID string `json:"attempt_id"`
}

type inviteesJSON struct {
	Count  int64         `json:"count"`
	Latest []inviteeJSON `json:"latest"`
}

type eventJSON struct {
	ID         int64     `json:"id"`
	At         time.Time `json:"at"`
	Type       string    `json:"type"`
	Code       *string   `json:"code"`
	ReferrerID *string   `json:"referrer_id"`
	Reason     *string   `json:"reason"`
	Detail     *string   `json:"detail"`
	Source     *string   `json:"source"`
	AttemptID  *string   `json:"attempt_id"`
	RequestID  *string   `json:"request_id"`
}

func inspectionToJSON(in referral.Inspection, pending int) inspectionJSON {
	v := inspectionJSON{
		User: listedAccountToJSON(in.User, ""),
		Codes: convert(in.Codes, func(c referral.Code) codeJSON {
			c.UserID = ""
			return codeToJSON(c)
		}),
		Invitees: inviteesJSON{in.InviteeCount, convert(in.Invitees, inviteeToJSON)},
		Events:   convert(in.Events, eventToJSON),
		Pending:  pending,
	}
	if r := in.ReferredBy; r != nil {
		v.ReferredBy = &referrerJSON{inviteeToJSON(*r), r.AttemptID}
	}
	return v
}

func inviteeToJSON(i referral.Relation) inviteeJSON {
	return inviteeJSON{i.UserID, optional(i.DisplayName), i.Code, i.AttributedAt.UTC()}
}

func eventToJSON(e referral.Event) eventJSON {
	return eventJSON{
		e.ID, e.At.UTC(), string(e.Type), optional(e.Code), optional(e.ReferrerID), optional(string(e.Reason)),
		optional(e.Detail), optional(string(e.Source)), optional(e.AttemptID), optional(e.RequestID),
	}
}
