package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userUpdateOptions struct {
	user   string
	change auth.UserChange
}

func newUserUpdate(e *env) *cobra.Command {
	var email, name string
	cmd := &cobra.Command{
		Use: "update <user> [--email E] [--name N]", Short: "change the e-mail address or the name of an account",
		Long: `Change the e-mail address, the display name or both. An empty value removes it.
The id and the codes of an account never change.` + userHelp,
		Example: `  triport-console user update id:user_2abC --email ann@example.com
  triport-console user update ann@example.com --name "Ann Example"
  triport-console user update ann@example.com --email ""`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opt := userUpdateOptions{user: args[0]}
			if cmd.Flags().Changed("email") {
				opt.change.Email = &email
			}
			if cmd.Flags().Changed("name") {
				opt.change.DisplayName = &name
			}
			if opt.change == (auth.UserChange{}) {
				return usagef("--email or --name is missing")
			}
			var err error
			if email != "" {
				email, err = parseEmailFlag(email)
			}
			if err = errors.Join(err, checkNameFlag(name)); err != nil {
				return badValue(err)
			}
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "new unique `address`; empty removes it")
	cmd.Flags().StringVar(&name, "name", "", "new display `name`; empty removes it")
	return cmd
}

func (opt userUpdateOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		acc, err := store.UpdateUser(ctx, u.ID, opt.change)
		if errors.Is(err, auth.ErrExists) {
			return fmt.Errorf("another account has the e-mail address %s: choose another, or change that account first", *opt.change.Email)
		}
		return e.resultOrError(err, "update the account", listedAccountToJSON(acc), func() { e.printAccount(acc.User, acc.Code) })
	})
}
