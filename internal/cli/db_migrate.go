package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

type dbMigrateOptions struct{ backup string }

func newDBMigrate(e *env) *cobra.Command {
	var opt dbMigrateOptions
	cmd := &cobra.Command{
		Use: "migrate", Short: "create the database or bring its schema up to date",
		Long: `Bring the schema of the database up to date. Create the database if it does not
exist. serve does the same at its start. Only a backup can undo this: --backup
makes one first, if there is something to migrate.`,
		Example: `  triport-console db migrate --backup before-upgrade.db`,
		RunE:    e.action(func([]string) command { return opt }),
	}
	cmd.Flags().StringVar(&opt.backup, "backup", "", "file for a copy of the database before the migration")
	return cmd
}

func (opt dbMigrateOptions) run(ctx context.Context, e *env) error {
	if _, err := e.loadConfig(); err != nil {
		return err
	}
	p := e.newProgress("migrate", 0)
	defer p.done()
	migration := sqlite.Migration{Backup: opt.backup, Progress: p.steps}
	return e.withDatabase(ctx, e.cfg.Database, sqlite.Options{Mode: sqlite.Create, Migration: migration}, func(store *sqlite.Store) error {
		p.done()
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
