package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

type dbBackupOptions struct{ file string }

func newDBBackup(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "write a consistent copy of the database",
		Long: `Write a consistent copy of the database to FILE, which must not exist, also while
the server runs. The copy is an ordinary database: name it with --database to
inspect it, or restore it in place of a lost one. Attempts that wait in the spool
are not part of it.`,
		Example: `  triport-console db backup /backup/triport-2026-01-31.db`,
		RunE:    e.action(func(args []string) command { return dbBackupOptions{args[0]} }),
	}
}

func (opt dbBackupOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		n, err := store.Backup(ctx, opt.file)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%q already exists: remove it or name another file", opt.file)
		}
		if errors.Is(err, sqlite.ErrBelongs) {
			return badValue(fmt.Errorf("%q: %w", opt.file, err))
		}
		return e.resultOrError(err, "back up the database", object{{"file", opt.file}, {"bytes", n}}, func() {
			e.printf("%s: %s\n", escapeText(opt.file), plural(n, "byte"))
		})
	})
}
