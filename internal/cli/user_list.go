package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userListOptions struct{}

func newUserList(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list all accounts, oldest first",
		Long: `List all accounts, oldest first, one line each. With -o json, each line is a JSON
object.`,
		Example: `  triport-console user list
  triport-console user list -o json | jq -r 'select(.disabled_at) | .email'`,
		RunE: e.action(func([]string) command { return userListOptions{} }),
	}
}

func (userListOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		for acc, err := range store.Users(ctx) {
			err = e.resultOrError(err, "list the accounts", listedAccountToJSON(acc), func() { e.printAccountLine(acc) })
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func listedAccountToJSON(acc auth.Account) object {
	return append(accountToJSON(acc.User, acc.Code), field{"disabled_at", acc.User.DisabledAt})
}

// printAccountLine uses fixed widths: the accounts may be too many to measure first.
func (e *env) printAccountLine(acc auth.Account) {
	u := acc.User
	line := fmt.Sprintf("%-36s  %s  %-10s  %-30s", escaped(u.ID), formatTime(u.CreatedAt), escaped(acc.Code), textOrNone(u.Email))
	if u.DisplayName != "" {
		line += "  " + escapeText(u.DisplayName)
	}
	if u.Disabled() {
		line += "  " + e.styles.bad.Render("disabled "+formatTime(u.DisabledAt))
	}
	e.printf("%s\n", strings.TrimRight(line, " "))
}
