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

// defaultInspectLimit is how many events and how many invitees are shown unless --limit says otherwise.
const defaultInspectLimit = 50

type inspectOptions struct {
	user  string
	limit int
}

func newInspect(a *app) *cobra.Command {
	var opt inspectOptions
	cmd := leaf(a, "inspect <user> [--limit N]", "tell all there is to tell about a user's referrals",
		`Tell who referred a user, through which code and when, or why nobody did; which
codes they have, whom they invited, and every event of theirs with the reason of
each refusal in words. Works while the server runs and takes no write lock.

<user> is an id, an e-mail address or a code.`,
		`  triport-console referral inspect ann@example.com
  triport-console referral inspect ann-example --limit 500 -o json`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>"); err != nil {
				return nil, err
			}
			if opt.limit < 1 {
				return nil, badValue(errors.New("--limit must be at least 1"))
			}
			opt.user = args[0]
			return opt, nil
		})
	cmd.Flags().IntVar(&opt.limit, "limit", defaultInspectLimit, "how many events and how many invitees to show, newest first")
	return cmd
}

func (opt inspectOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, cfg Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		d, err := store.Inspect(ctx, u.ID, opt.limit)
		if err != nil {
			return fmt.Errorf("inspect the user: %w", err)
		}
		// A spool that cannot be read does not keep support from the rest of the answer, but it does keep a
		// script from taking the answer for a whole one.
		pending, uncounted := countPending(ctx, spool.New(cfg.Database), u)
		return errors.Join(uncounted, a.result(dossierOf(d, pending), func() { a.printDossier(d, pending) }))
	})
}

// countPending counts the user's attempts in the spool.
func countPending(ctx context.Context, s *spool.Spool, u auth.User) (int, error) {
	n, err := s.Pending(ctx, func(at referral.Attempt) bool { return at.User == u.ID || at.User == u.Email })
	if err != nil {
		return n, fmt.Errorf("attempts that wait in the spool are not counted: %w", err)
	}
	return n, nil
}

type dossierJSON struct {
	User       dossierUserJSON `json:"user"`
	Codes      []ownCodeJSON   `json:"codes"`
	ReferredBy *referrerJSON   `json:"referred_by"`
	Invitees   inviteesJSON    `json:"invitees"`
	Events     []eventJSON     `json:"events"`
	Pending    int             `json:"pending"`
}

type dossierUserJSON struct {
	ID          string     `json:"id"`
	Email       string     `json:"email"`
	DisplayName *string    `json:"display_name"`
	CreatedAt   time.Time  `json:"created_at"`
	DisabledAt  *time.Time `json:"disabled_at"`
}

type ownCodeJSON struct {
	Code       string     `json:"code"`
	Kind       string     `json:"kind"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"`
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

func dossierOf(d referral.Inspection, pending int) dossierJSON {
	u := d.User
	v := dossierJSON{
		User:     dossierUserJSON{u.ID, u.Email, optional(u.DisplayName), u.CreatedAt.UTC(), optionalTime(u.DisabledAt)},
		Codes:    make([]ownCodeJSON, len(d.Codes)),
		Invitees: inviteesJSON{d.InviteeCount, make([]inviteeJSON, len(d.Invitees))},
		Events:   make([]eventJSON, len(d.Events)),
		Pending:  pending,
	}
	for i, c := range d.Codes {
		v.Codes[i] = ownCodeJSON{c.Code, string(c.Kind), c.CreatedAt.UTC(), optionalTime(c.DisabledAt)}
	}
	if r := d.ReferredBy; r != nil {
		v.ReferredBy = &referrerJSON{inviteeJSON{r.UserID, optional(r.DisplayName), r.Code, r.AttributedAt.UTC()}, r.AttemptID}
	}
	for i, in := range d.Invitees {
		v.Invitees.Latest[i] = inviteeJSON{in.UserID, optional(in.DisplayName), in.Code, in.AttributedAt.UTC()}
	}
	for i, e := range d.Events {
		v.Events[i] = eventOf(e)
	}
	return v
}

func eventOf(e referral.Event) eventJSON {
	return eventJSON{
		e.ID, e.At.UTC(), string(e.Type), optional(e.Code), optional(e.ReferrerID), optional(string(e.Reason)),
		optional(e.Detail), optional(string(e.Source)), optional(e.AttemptID), optional(e.RequestID),
	}
}
