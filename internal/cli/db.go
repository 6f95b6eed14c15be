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

func newDBMigrate(a *app) *cobra.Command {
	return leaf(a, "migrate", "make the database or bring its schema up to date",
		`Bring the schema of the database up to date; make the database when it does not
exist. serve does the same when it starts. There is no way back but a backup:
take one first.`,
		`  triport-console db backup before-upgrade.db
  triport-console db migrate`,
		func(_ *cobra.Command, args []string) (action, error) { return dbMigrateOptions{}, exactly(args) })
}

func (dbMigrateOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.Create, func(store *sqlite.Store, _ Config) error {
		from, to := store.SchemaVersions()
		v := struct {
			From int64 `json:"from"`
			To   int64 `json:"to"`
		}{from, to}
		return a.result(v, func() {
			if from == to {
				a.printf("the schema is up to date: version %d\n", to)
				return
			}
			a.printf("the schema was brought from version %d to %d\n", from, to)
		})
	})
}

type dbCheckOptions struct{}

func newDBCheck(a *app) *cobra.Command {
	return leaf(a, "check", "check the database's integrity and the rules its rows keep",
		`Check the integrity of the database file and the rules its rows must keep. It
takes no write lock. Exit code 4 and a list when something is not as it should be.`,
		`  triport-console db check`,
		func(_ *cobra.Command, args []string) (action, error) { return dbCheckOptions{}, exactly(args) })
}

func (dbCheckOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, _ Config) error {
		problems, err := store.Check(ctx)
		if err != nil {
			return fmt.Errorf("check the database: %w", err)
		}
		if problems == nil {
			problems = []string{}
		}
		v := struct {
			OK       bool     `json:"ok"`
			Problems []string `json:"problems"`
		}{len(problems) == 0, problems}
		err = a.result(v, func() {
			if v.OK {
				a.printf("%s\n", a.styles.good.Render("the database is well"))
			}
			for _, p := range problems {
				a.printf("%s\n", escapeText(p))
			}
		})
		if !v.OK {
			err = errors.Join(difference("%s found in the database: restore a backup, or ask for help with the list",
				plural(int64(len(problems)), "problem")), err)
		}
		return err
	})
}

type dbBackupOptions struct{ file string }

func newDBBackup(a *app) *cobra.Command {
	cmd := leaf(a, "backup FILE", "write a consistent copy of the database",
		`Write a consistent copy of the database to FILE, which must not exist, also
while the server runs. The copy is an ordinary database: name it with --database
to look into it, or put it in the place of a lost one. Attempts that wait in the
spool are not part of it.`,
		`  triport-console db backup /backup/triport-2026-01-31.db`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "FILE"); err != nil {
				return nil, err
			}
			return dbBackupOptions{args[0]}, nil
		})
	cmd.ValidArgsFunction = nil
	return cmd
}

func (opt dbBackupOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, _ Config) error {
		n, err := store.Backup(ctx, opt.file)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%q exists already: remove it or name another file", opt.file)
		}
		if err != nil {
			return fmt.Errorf("back up the database: %w", err)
		}
		v := struct {
			File  string `json:"file"`
			Bytes int64  `json:"bytes"`
		}{opt.file, n}
		return a.result(v, func() { a.printf("%s: %s\n", escapeText(opt.file), plural(n, "byte")) })
	})
}
