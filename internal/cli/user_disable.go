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
		Long: `Disable an account: from the next request on its sessions are revoked and its
codes attribute nothing. Existing attributions stay. Disabling it again keeps the
time. user enable undoes it, but does not bring the sessions back.` + userHelp,
		Example: `  triport-console user disable ann@example.com`,
		RunE:    e.action(func(args []string) command { return userDisableOptions{args[0]} }),
	}
}

func (opt userDisableOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		_, revoked, err := store.DisableUser(ctx, u.ID, e.now())
		if err != nil {
			return fmt.Errorf("disable the account: %w", err)
		}
		return e.printChanged(ctx, store, u.ID, func() {
			e.printf("\n%s revoked: the user is signed out, and requests get 401\n", plural(revoked, "session"))
			e.printf("the user's codes attribute nothing from now on; earlier attributions stay\n")
		})
	})
}

// printChanged prints an account after a change. note adds to the text.
func (e *env) printChanged(ctx context.Context, store *sqlite.Store, userID string, note func()) error {
	acc, err := store.Account(ctx, userID)
	return e.resultOrError(err, "read the account back", listedAccountToJSON(acc), func() {
		e.printAccount(acc.User, acc.Code)
		note()
	})
}
