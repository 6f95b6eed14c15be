package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type codeJSON struct {
	Code       string     `json:"code"`
	Kind       string     `json:"kind"`
	UserID     string     `json:"user_id"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at"`
}

func codeOf(c referral.Code) codeJSON {
	return codeJSON{c.Code, string(c.Kind), c.UserID, c.CreatedAt.UTC(), optionalTime(c.DisabledAt)}
}

type codeSetOptions struct{ user, slug string }

func newCodeSet(a *app) *cobra.Command {
	return leaf(a, "set <user> <slug>", "give a user a slug of their own choosing",
		`Make <slug> the user's active slug: 3 to 32 characters of a-z, 0-9 and hyphens,
no hyphen at either end. The slug the user had before is disabled; it stays
theirs for ever, and setting it again takes it back. The code that was made with
the account goes on working beside it.

<user> is an id, an e-mail address or a code.`,
		`  triport-console code set ann@example.com ann-example`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>", "<slug>"); err != nil {
				return nil, err
			}
			slug, err := referral.ParseCode(args[1])
			if err != nil {
				return nil, badValue(fmt.Errorf("%q is %w", args[1], err))
			}
			return codeSetOptions{args[0], slug}, nil
		})
}

func (opt codeSetOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, _ Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		c, err := store.SetSlug(ctx, u.ID, opt.slug, a.now())
		if err != nil {
			return fmt.Errorf("set %s: %w", opt.slug, err)
		}
		return a.result(codeOf(c), func() { a.printf("%s\n", c.Code) })
	})
}

type codeDisableOptions struct{ user string }

func newCodeDisable(a *app) *cobra.Command {
	return leaf(a, "disable <user>", "disable a user's active slug",
		`Disable the user's active slug: it attributes nothing from now on, and it stays
theirs. The code that was made with the account cannot be disabled.

<user> is an id, an e-mail address or a code.`,
		`  triport-console code disable ann@example.com`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>"); err != nil {
				return nil, err
			}
			return codeDisableOptions{args[0]}, nil
		})
}

func (opt codeDisableOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, _ Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		c, err := store.DisableSlug(ctx, u.ID, a.now())
		if errors.Is(err, referral.ErrNoSlug) {
			return fmt.Errorf("%s: %w", u.Email, referral.ErrNoSlug)
		}
		if err != nil {
			return fmt.Errorf("disable the slug: %w", err)
		}
		return a.result(codeOf(c), func() { a.printf("disabled %s\n", c.Code) })
	})
}

type codeListOptions struct{ user string }

func newCodeList(a *app) *cobra.Command {
	return leaf(a, "list <user>", "list the codes a user has or had",
		`List all codes of a user: the one made with the account first, then the slugs,
newest first.

<user> is an id, an e-mail address or a code.`,
		`  triport-console code list ann@example.com
  triport-console code list ann-example -o json`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>"); err != nil {
				return nil, err
			}
			return codeListOptions{args[0]}, nil
		})
}

func (opt codeListOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, _ Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		codes, err := store.Codes(ctx, u.ID)
		if err != nil {
			return fmt.Errorf("list the codes: %w", err)
		}
		all := make([]codeJSON, len(codes))
		for i, c := range codes {
			all[i] = codeOf(c)
		}
		return a.result(all, func() { a.printCodes("", codes) })
	})
}

// printCodes is a line for each code.
func (a *app) printCodes(indent string, codes []referral.Code) {
	rows := make([][]string, len(codes))
	for i, c := range codes {
		state := "since " + when(c.CreatedAt)
		if !c.DisabledAt.IsZero() {
			state += ", " + a.styles.bad.Render("disabled "+when(c.DisabledAt))
		}
		rows[i] = []string{c.Code, string(c.Kind), state}
	}
	a.table(indent, rows)
}
