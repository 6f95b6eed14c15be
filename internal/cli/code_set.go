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
the account keeps working. What stops working is said on standard error.` + userHelp,
		Example: `  triport-console code set ann@example.com ann-example`,
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
		codes, err := store.Codes(ctx, u.ID)
		if err != nil {
			return fmt.Errorf("list the codes: %w", err)
		}
		c, err := store.SetSlug(ctx, u.ID, opt.slug, e.now())
		err = e.resultOrError(err, "set "+opt.slug, codeToJSON(c), func() { e.printf("%s\n", c.Code) })
		if err == nil {
			e.noteReplaced(codes, c)
		}
		return err
	})
}

// noteReplaced reports that links with the slug that c replaced stop working. before are the codes as they were.
func (e *env) noteReplaced(before []referral.Code, c referral.Code) {
	for _, old := range before {
		if old.Kind == referral.KindCustom && old.DisabledAt.IsZero() && old.Code != c.Code {
			fmt.Fprintf(e.Err, "%s: links with %s attribute nothing from now on; it stays the user's and can be set again\n",
				programName, old.Code)
		}
	}
}
