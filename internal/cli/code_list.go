package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type codeListOptions struct{ user string }

func newCodeList(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "list <user>", Short: "list all codes of a user",
		Long: `List all codes of a user, disabled ones too: the one that was created with the
account first, then the slugs, newest first.` + userHelp,
		Example: `  triport-console code list ann@example.com
  triport-console code list ann-example -o json`,
		RunE: e.action(func(args []string) command { return codeListOptions{args[0]} }),
	}
}

func (opt codeListOptions) run(ctx context.Context, e *env) error {
	return e.withUser(ctx, sqlite.ReadOnly, opt.user, func(store *sqlite.Store, u auth.User) error {
		codes, err := store.Codes(ctx, u.ID)
		return e.resultOrError(err, "list the codes", convert(codes, codeToJSON), func() { e.printCodes("", codes) })
	})
}

// codeToJSON returns a code as the code commands print it.
func codeToJSON(c referral.Code) object {
	return object{{"code", c.Code}, {"kind", string(c.Kind)}, {"user_id", c.UserID},
		{"created_at", c.CreatedAt}, {"disabled_at", c.DisabledAt}}
}

func (e *env) printCodes(indent string, codes []referral.Code) {
	e.table(indent, convert(codes, func(c referral.Code) []any {
		state := safe("since " + formatTime(c.CreatedAt))
		if !c.DisabledAt.IsZero() {
			state += ", " + styled(e.styles.bad, "disabled "+formatTime(c.DisabledAt))
		}
		return []any{c.Code, string(c.Kind), state}
	}))
}
