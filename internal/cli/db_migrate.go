package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

type dbMigrateOptions struct{}

func newDBMigrate(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "create the database or bring its schema up to date",
		Long: `Bring the schema of the database up to date. Create the database if it does not
exist. serve does the same at its start. Only a backup can undo this: make one
first.`,
		Example: `  triport-console db backup before-upgrade.db
  triport-console db migrate`,
		RunE: e.action(func([]string) command { return dbMigrateOptions{} }),
	}
}

func (dbMigrateOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.Create, func(store *sqlite.Store) error {
		from, to := store.SchemaVersions()
		return e.result(object{{"from", from}, {"to", to}}, func() {
			if from == to {
				e.printf("the schema is up to date: version %d\n", to)
				return
			}
			e.printf("the schema was migrated from version %d to %d\n", from, to)
		})
	})
}
