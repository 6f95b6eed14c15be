package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

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
