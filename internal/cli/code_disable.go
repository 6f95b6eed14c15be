package cli

import (
	"context"

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
		RunE:    e.action(func(args []string) command { return codeDisableOptions{args[0]} }),
	}
}

func (opt codeDisableOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		c, err := store.DisableSlug(ctx, u.ID, e.now())
		return e.resultOrError(err, "disable the slug of "+accountName(u), codeToJSON(c), func() {
			e.printf("disabled %s\n", c.Code)
		})
	})
}
