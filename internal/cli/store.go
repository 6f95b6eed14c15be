package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// withStore opens the configured database, lends it to use and closes it, whatever use returns.
func (a *app) withStore(ctx context.Context, mode sqlite.Mode, use func(*sqlite.Store, Config) error) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, cfg.Database, sqlite.Options{Mode: mode})
	if err != nil {
		return openError(err)
	}
	return errors.Join(use(store, cfg), closeStore(store))
}

func closeStore(store *sqlite.Store) error {
	if err := store.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}

// openError says what to do about a database that is not there, or cannot be made where it should be.
func openError(err error) error {
	var file *fs.PathError
	switch {
	case errors.Is(err, sqlite.ErrNoDatabase):
		return missing(fmt.Errorf("%w: name another with --database, or make it with: %s db migrate", err, programName))
	case errors.Is(err, fs.ErrNotExist) && errors.As(err, &file):
		return fmt.Errorf("the folder %s does not exist: create it, or choose another file with --database", filepath.Dir(file.Path))
	}
	return err
}

// findUser looks up a <user> of the command line: an id, an e-mail address or a code.
func findUser(ctx context.Context, store *sqlite.Store, text string) (auth.User, error) {
	ref, err := auth.ParseUserRef(text, referral.ParseCode)
	if err != nil {
		return auth.User{}, badValue(fmt.Errorf("%q is %w", text, err))
	}
	u, err := store.FindUser(ctx, ref)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return auth.User{}, missing(fmt.Errorf("there is no user %q", text))
	case err != nil:
		return auth.User{}, fmt.Errorf("look up the user: %w", err)
	}
	return u, nil
}
