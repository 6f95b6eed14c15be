package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userCreateOptions struct{ id, email, name string } // empty: not given

func newUserCreate(e *env) *cobra.Command {
	var opt userCreateOptions
	cmd := &cobra.Command{
		Use: "create [--id ID] [--email E] [--name N]", Short: "create an account",
		Long: `Create an account and its permanent referral code. Without --id it gets a new
UUID. The database is created if it does not exist.`,
		Example: `  triport-console user create --email ann@example.com --name "Ann Example"
  triport-console user create --id user_2abC -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			errs := []error{nil, nil, checkNameFlag(opt.name)}
			if cmd.Flags().Changed("id") {
				if opt.id, errs[0] = auth.NormalizeID(opt.id); errs[0] != nil {
					errs[0] = fmt.Errorf("--id: %w", errs[0])
				}
			}
			if cmd.Flags().Changed("email") {
				opt.email, errs[1] = parseEmailFlag(opt.email)
			}
			if err := errors.Join(errs...); err != nil {
				return badValue(err)
			}
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&opt.id, "id", "", "`id` of the account in your console: 1 to 128 characters of\n"+auth.IDCharacters)
	cmd.Flags().StringVar(&opt.email, "email", "", "unique e-mail `address`")
	cmd.Flags().StringVar(&opt.name, "name", "", "display `name`")
	return cmd
}

func (opt userCreateOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.Create, func(store *sqlite.Store) error {
		u := auth.User{ID: opt.id, Email: opt.email, DisplayName: opt.name, CreatedAt: e.now()}
		var err error
		if u.ID == "" {
			if u.ID, err = newUserID(e.Random); err != nil {
				return err
			}
		}
		code, err := store.CreateUser(ctx, u)
		if errors.Is(err, auth.ErrExists) {
			return fmt.Errorf("an account with %s already exists: change it with: %s user update", opt.keys(), programName)
		}
		return e.resultOrError(err, "create the account", accountToJSON(u, code.Code), func() {
			e.printAccount(u, code.Code)
		})
	})
}

// keys names what must be unique.
func (opt userCreateOptions) keys() string {
	switch {
	case opt.email == "":
		return "the id " + opt.id
	case opt.id == "":
		return "the e-mail address " + opt.email
	}
	return fmt.Sprintf("the id %s or the e-mail address %s", opt.id, opt.email)
}

func parseEmailFlag(s string) (string, error) {
	email, err := auth.NormalizeEmail(s)
	if err != nil {
		return "", fmt.Errorf("--email: %w", err)
	}
	return email, nil
}

func checkNameFlag(s string) error {
	if err := auth.CheckName(s); err != nil {
		return fmt.Errorf("--name: %w", err)
	}
	return nil
}

// newUserID returns an id that grows with time: new rows go to the end of a table's tree.
func newUserID(random io.Reader) (string, error) {
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		return "", fmt.Errorf("create a user id: %w", err)
	}
	return id.String(), nil
}

// textOrNone returns stored text, escaped, or - for an absent value.
func textOrNone(s string) string { return cmp.Or(escapeText(s), "-") }

func accountToJSON(u auth.User, code string) object {
	return object{{"id", u.ID}, {"email", u.Email}, {"display_name", u.DisplayName}, {"code", code}, {"created_at", u.CreatedAt}}
}

func (e *env) printAccount(u auth.User, code string) {
	rows := [][]any{{"id", u.ID}, {"email", textOrNone(u.Email)}}
	if u.DisplayName != "" {
		rows = append(rows, []any{"name", u.DisplayName})
	}
	rows = append(rows, []any{"code", code}, []any{"created", formatTime(u.CreatedAt)})
	if u.Disabled() {
		rows = append(rows, []any{"disabled", styled(e.styles.bad, formatTime(u.DisabledAt))})
	}
	e.table("", rows)
}
