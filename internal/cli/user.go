package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// accountJSON is an account as user create prints it.
type accountJSON struct {
	ID          string    `json:"id"`
	Email       string    `json:"email"`
	DisplayName *string   `json:"display_name"`
	Code        string    `json:"code"`
	CreatedAt   time.Time `json:"created_at"`
}

// listedAccountJSON is an account as user list and user disable print it.
type listedAccountJSON struct {
	accountJSON
	DisabledAt *time.Time `json:"disabled_at"`
}

func accountOf(u auth.User, code string) accountJSON {
	return accountJSON{u.ID, u.Email, optional(u.DisplayName), code, u.CreatedAt.UTC()}
}

func listedAccountOf(acc auth.Account) listedAccountJSON {
	return listedAccountJSON{accountOf(acc.User, acc.Code), optionalTime(acc.User.DisabledAt)}
}

// newUserID draws an id that grows with time: new rows then go to the end of the store's trees, not
// into their middle.
func newUserID(random io.Reader) (string, error) {
	id, err := uuid.NewV7FromReader(random)
	if err != nil {
		return "", fmt.Errorf("draw a user id: %w", err)
	}
	return id.String(), nil
}

type userCreateOptions struct{ email, name string }

func newUserCreate(a *app) *cobra.Command {
	var opt userCreateOptions
	cmd := leaf(a, "create --email E [--name N]", "make an account",
		`Make an account and its permanent referral code. The database is made when it
does not exist.`,
		`  triport-console user create --email ann@example.com --name "Ann Example"
  triport-console user create --email ann@example.com -o json`,
		func(cmd *cobra.Command, args []string) (action, error) {
			if err := exactly(args); err != nil {
				return nil, err
			}
			if !cmd.Flags().Changed("email") {
				return nil, usagef("--email is missing")
			}
			if !utf8.ValidString(opt.name) {
				return nil, badValue(errors.New("--name is not UTF-8"))
			}
			email, err := auth.NormalizeEmail(opt.email)
			if err != nil {
				return nil, badValue(fmt.Errorf("--email: %w", err))
			}
			opt.email = email
			return opt, nil
		})
	cmd.Flags().StringVar(&opt.email, "email", "", "`address` of the account, unique (required)")
	cmd.Flags().StringVar(&opt.name, "name", "", "display `name`, as its owner writes it")
	return cmd
}

func (opt userCreateOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.Create, func(store *sqlite.Store, _ Config) error {
		id, err := newUserID(a.Random)
		if err != nil {
			return err
		}
		u := auth.User{ID: id, Email: opt.email, DisplayName: opt.name, CreatedAt: a.now()}
		code, err := store.CreateUser(ctx, u)
		if errors.Is(err, auth.ErrExists) {
			return fmt.Errorf("an account with the e-mail address %s exists already", u.Email)
		}
		if err != nil {
			return fmt.Errorf("make the account: %w", err)
		}
		return a.result(accountOf(u, code.Code), func() { a.printAccount(u, code.Code) })
	})
}

func (a *app) printAccount(u auth.User, code string) {
	rows := [][]string{{"id", u.ID}, {"email", escapeText(u.Email)}}
	if u.DisplayName != "" {
		rows = append(rows, []string{"name", escapeText(u.DisplayName)})
	}
	rows = append(rows, []string{"code", code}, []string{"created", when(u.CreatedAt)})
	if u.Disabled() {
		rows = append(rows, []string{"disabled", a.styles.bad.Render(when(u.DisabledAt))})
	}
	a.table("", rows)
}

type userListOptions struct{}

func newUserList(a *app) *cobra.Command {
	return leaf(a, "list", "list the accounts, oldest first",
		`List all accounts, oldest first, a line each. With -o json each line is an
object of its own.`,
		`  triport-console user list
  triport-console user list -o json | jq -r 'select(.disabled_at) | .email'`,
		func(_ *cobra.Command, args []string) (action, error) { return userListOptions{}, exactly(args) })
}

func (userListOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, _ Config) error {
		for acc, err := range store.Users(ctx) {
			if err != nil {
				return fmt.Errorf("list the accounts: %w", err)
			}
			if err := a.result(listedAccountOf(acc), func() { a.printAccountLine(acc) }); err != nil {
				return err
			}
		}
		return nil
	})
}

// printAccountLine aligns by fixed widths: there may be too many accounts to look at them all first.
func (a *app) printAccountLine(acc auth.Account) {
	u := acc.User
	line := fmt.Sprintf("%s  %s  %-10s  %-30s", u.ID, when(u.CreatedAt), acc.Code, escapeText(u.Email))
	if u.DisplayName != "" {
		line += "  " + escapeText(u.DisplayName)
	}
	if u.Disabled() {
		line += "  " + a.styles.bad.Render("disabled "+when(u.DisabledAt))
	}
	a.printf("%s\n", strings.TrimRight(line, " "))
}

type userDisableOptions struct{ user string }

func newUserDisable(a *app) *cobra.Command {
	return leaf(a, "disable <user>", "disable an account",
		`Disable an account: from the next request on its sessions are not valid, and its
codes attribute nothing. What was attributed stays. Doing it again changes
nothing.

<user> is an id, an e-mail address or a code.`,
		`  triport-console user disable ann@example.com`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>"); err != nil {
				return nil, err
			}
			return userDisableOptions{args[0]}, nil
		})
}

func (opt userDisableOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, _ Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		if _, err := store.DisableUser(ctx, u.ID, a.now()); err != nil {
			return fmt.Errorf("disable the account: %w", err)
		}
		acc, err := store.Account(ctx, u.ID)
		if err != nil {
			return fmt.Errorf("read the account back: %w", err)
		}
		return a.result(listedAccountOf(acc), func() { a.printAccount(acc.User, acc.Code) })
	})
}
