package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

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
	return e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		problems, err := store.Check(ctx)
		if err != nil {
			return fmt.Errorf("check the database: %w", err)
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
	})
}

type dbBackupOptions struct{ file string }

func newDBBackup(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "write a consistent copy of the database",
		Long: `Write a consistent copy of the database to FILE, which must not exist, also while
the server runs. The copy is an ordinary database: name it with --database to
inspect it, or restore it in place of a lost one. Attempts that wait in the spool
are not part of it.`,
		Example:           `  triport-console db backup /backup/triport-2026-01-31.db`,
		Args:              arguments("FILE"),
		ValidArgsFunction: completeFiles,
		RunE:              e.action(func(args []string) command { return dbBackupOptions{args[0]} }),
	}
}

func (opt dbBackupOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		n, err := store.Backup(ctx, opt.file)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%q exists already: remove it or name another file", opt.file)
		}
		if err != nil {
			return fmt.Errorf("back up the database: %w", err)
		}
		return e.result(object{{"file", opt.file}, {"bytes", n}}, func() {
			e.printf("%s: %s\n", escapeText(opt.file), plural(n, "byte"))
		})
	})
}
