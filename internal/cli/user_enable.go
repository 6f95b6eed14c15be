package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userEnableOptions struct{ user string }

func newUserEnable(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "enable <user>", Short: "enable a disabled account",
		Long: `Enable a disabled account: its codes attribute again and new sessions are valid.
Revoked sessions stay revoked. Attempts that were rejected in between stay
rejected until referral replay --rejected decides them again.` + userHelp,
		Example: `  triport-console user enable ann@example.com`,
		RunE:    e.action(func(args []string) command { return userEnableOptions{args[0]} }),
	}
}

func (opt userEnableOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		if _, err := store.EnableUser(ctx, u.ID); err != nil {
			return fmt.Errorf("enable the account: %w", err)
		}
		return e.printChanged(ctx, store, u.ID, func() {
			e.printf("\nthe user's active codes attribute again, and the user can sign in again\n")
			e.printf("earlier sessions stay revoked: %s session create makes a new one\n", programName)
		})
	})
}
