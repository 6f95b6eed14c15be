package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type codeSetOptions struct{ user, slug string }

func newCodeSet(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "set <user> <slug>", Short: "set a custom slug for a user",
		Long: `Make <slug> the user's active slug: 3 to 32 characters of a-z, 0-9 and hyphens,
no hyphen at either end. The previous slug is disabled. It belongs to the user
permanently, and setting it again takes it back. The code that was created with
the account keeps working.` + userHelp,
		Example: `  triport-console code set ann@example.com ann-example`,
		Args:    arguments("<user>", "<slug>"),
		RunE: func(cmd *cobra.Command, args []string) error {
			slug, err := referral.ParseCode(args[1])
			if err != nil {
				return badValue(fmt.Errorf("%q is %w", args[1], err))
			}
			return e.do(cmd.Context(), codeSetOptions{args[0], slug})
		},
	}
}

func (opt codeSetOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		c, err := store.SetSlug(ctx, u.ID, opt.slug, e.now())
		if err != nil {
			return fmt.Errorf("set %s: %w", opt.slug, err)
		}
		return e.result(codeToJSON(c), func() { e.printf("%s\n", c.Code) })
	})
}

type codeDisableOptions struct{ user string }

func newCodeDisable(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "disable <user>", Short: "disable a user's active slug",
		Long: `Disable the user's active slug: it attributes nothing any more, but still belongs
to the user. The code that was created with the account cannot be disabled.` + userHelp,
		Example: `  triport-console code disable ann@example.com`,
		Args:    arguments("<user>"),
		RunE:    e.action(func(args []string) command { return codeDisableOptions{args[0]} }),
	}
}

func (opt codeDisableOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		c, err := store.DisableSlug(ctx, u.ID, e.now())
		if err != nil {
			return fmt.Errorf("disable the slug of %s: %w", u.Email, err)
		}
		return e.result(codeToJSON(c), func() { e.printf("disabled %s\n", c.Code) })
	})
}

type codeListOptions struct{ user string }

func newCodeList(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "list <user>", Short: "list all codes of a user",
		Long: `List all codes of a user, disabled ones too: the one that was created with the
account first, then the slugs, newest first.` + userHelp,
		Example: `  triport-console code list ann@example.com
  triport-console code list ann-example -o json`,
		Args: arguments("<user>"),
		RunE: e.action(func(args []string) command { return codeListOptions{args[0]} }),
	}
}

func (opt codeListOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadOnly, opt.user, func(store *sqlite.Store, u auth.User) error {
		codes, err := store.Codes(ctx, u.ID)
		if err != nil {
			return fmt.Errorf("list the codes: %w", err)
		}
		return e.result(convert(codes, codeToJSON), func() { e.printCodes("", codes) })
	})
}

// codeToJSON returns a code as the code commands print it.
func codeToJSON(c referral.Code) object {
	return object{{"code", c.Code}, {"kind", string(c.Kind)}, {"user_id", c.UserID},
		{"created_at", c.CreatedAt}, {"disabled_at", c.DisabledAt}}
}

func (e *env) printCodes(indent string, codes []referral.Code) {
	e.table(indent, convert(codes, func(c referral.Code) []string {
		state := "since " + formatTime(c.CreatedAt)
		if !c.DisabledAt.IsZero() {
			state += ", " + e.styles.bad.Render("disabled "+formatTime(c.DisabledAt))
		}
		return []string{c.Code, string(c.Kind), state}
	}))
}
