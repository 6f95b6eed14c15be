package cli

import (
	"context"
	"errors"

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
	var problems []string
	err := e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) (err error) {
		problems, err = store.Check(ctx)
		return err
	})
	if sqlite.IsCorrupt(err) { // the file could not be opened, or the check not go on
		problems = append(problems, err.Error())
	} else if err != nil {
		return err
	}
	ok := len(problems) == 0
	err = e.result(object{{"ok", ok}, {"problems", append([]string{}, problems...)}}, func() {
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
