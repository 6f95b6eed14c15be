package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userCreateOptions struct{ email, name string }

func newUserCreate(e *env) *cobra.Command {
	var opt userCreateOptions
	cmd := &cobra.Command{
		Use: "create --email E [--name N]", Short: "create an account",
		Long: `Create an account and its permanent referral code. The database is created if it
does not exist.`,
		Example: `  triport-console user create --email ann@example.com --name "Ann Example"
  triport-console user create --email ann@example.com -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("email") {
				return usagef("--email is missing")
			}
			if !utf8.ValidString(opt.name) {
				return badValue(errors.New("--name is not UTF-8"))
			}
			var err error
			if opt.email, err = auth.NormalizeEmail(opt.email); err != nil {
				return badValue(fmt.Errorf("--email: %w", err))
			}
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&opt.email, "email", "", "unique `address` of the account (required)")
	cmd.Flags().StringVar(&opt.name, "name", "", "display `name`")
	return cmd
}

func (opt userCreateOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.Create, func(store *sqlite.Store) error {
		id, err := newUserID(e.Random)
		if err != nil {
			return err
		}
		u := auth.User{ID: id, Email: opt.email, DisplayName: opt.name, CreatedAt: e.now()}
		code, err := store.CreateUser(ctx, u)
		if errors.Is(err, auth.ErrExists) {
			return fmt.Errorf("an account with the e-mail address %s already exists", u.Email)
		}
		return e.resultOrError(err, "create the account", accountToJSON(u, code.Code), func() {
			e.printAccount(u, code.Code)
		})
	})
}

// newUserID returns an id that grows with time: new rows go to the end of a table's tree.
func newUserID(random io.Reader) (string, error) {
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		return "", fmt.Errorf("create a user id: %w", err)
	}
	return id.String(), nil
}

func accountToJSON(u auth.User, code string) object {
	return object{{"id", u.ID}, {"email", u.Email}, {"display_name", u.DisplayName}, {"code", code}, {"created_at", u.CreatedAt}}
}

func (e *env) printAccount(u auth.User, code string) {
	rows := [][]any{{"id", u.ID}, {"email", u.Email}}
	if u.DisplayName != "" {
		rows = append(rows, []any{"name", u.DisplayName})
	}
	rows = append(rows, []any{"code", code}, []any{"created", formatTime(u.CreatedAt)})
	if u.Disabled() {
		rows = append(rows, []any{"disabled", styled(e.styles.bad, formatTime(u.DisabledAt))})
	}
	e.table("", rows)
}
