package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type sessionRevokeOptions struct{ user string }

func newSessionRevoke(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "revoke <user>", Short: "revoke all sessions of a user",
		Long: `Revoke all sessions of a user: the user is signed out from the next request on,
also on a running server.` + userHelp,
		Example: `  triport-console session revoke ann@example.com`,
		RunE:    e.action(func(args []string) command { return sessionRevokeOptions{args[0]} }),
	}
}

func (opt sessionRevokeOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadWrite, opt.user, func(store *sqlite.Store, u auth.User) error {
		n, err := store.RevokeSessions(ctx, u.ID, e.now())
		return e.resultOrError(err, "revoke the sessions", object{{"user_id", u.ID}, {"revoked", n}}, func() {
			e.printf("revoked %s of %s\n", plural(n, "session"), escapeText(accountName(u)))
		})
	})
}
