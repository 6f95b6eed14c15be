package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userDisableOptions struct{ user string }

func newUserDisable(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "disable <user>", Short: "disable an account",
		Long: `Disable an account: from the next request on its sessions are invalid and its
codes attribute nothing. Existing attributions stay. Disabling it again changes
nothing.` + userHelp,
		Example: `  triport-console user disable ann@example.com`,
		RunE:    e.action(func(args []string) command { return userDisableOptions{args[0]} }),
	}
}

func (opt userDisableOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		if _, _, err := store.DisableUser(ctx, u.ID, e.now()); err != nil {
			return fmt.Errorf("disable the account: %w", err)
		}
		acc, err := store.Account(ctx, u.ID)
		return e.resultOrError(err, "read the account back", listedAccountToJSON(acc), func() {
			e.printAccount(acc.User, acc.Code)
		})
	})
}
