package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

type dbCheckOptions struct{}

func newDBCheck(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "check the integrity of the database",
		Long: `Check the integrity of the database file and the invariants of its rows. It takes
no write lock. If there is a problem, it prints a list and exits with code 4.`,
		Example: `  triport-console db check`,
		RunE:    e.action(func([]string) command { return dbCheckOptions{} }),
	}
}

func (dbCheckOptions) run(ctx context.Context, e *env) error {
	problems := []string{}
	err := e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		found, err := store.Check(ctx)
		if err != nil {
			return fmt.Errorf("check the database: %w", err)
		}
		problems = append(problems, found...)
		return nil
	})
	if sqlite.IsCorrupt(err) { // so damaged that it does not open
		problems, err = append(problems, err.Error()), nil
	}
	if err != nil {
		return err
	}
	ok := len(problems) == 0
	err = e.result(object{{"ok", ok}, {"problems", problems}}, func() {
		if ok {
			e.printf("%s\n", e.styles.good.Render("ok"))
		}
		for _, p := range problems {
			e.printf("%s\n", escapeText(p))
		}
	})
	if !ok {
		err = errors.Join(differencef("%s found in the database: restore a backup, or ask for help with the list",
			plural(len(problems), "problem")), err)
	}
	return err
}
