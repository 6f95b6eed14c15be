package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

const programName = "triport-console"

// env is what all commands share: streams and global flags.
type env struct {
	Streams
	out        *bufio.Writer // Streams.Out, buffered
	styles     styles
	format     string // --output
	configFile *pflag.Flag
	keyFlags   map[string]*pflag.Flag               // flags that set a configuration key, by key
	cfg        config.Config                        // set by loadConfig
	do         func(context.Context, command) error // runs a command; tests of the parsing replace it
}

// command is a parsed command: a struct of options.
type command interface {
	run(ctx context.Context, e *env) error
}

func newEnv(s Streams, out *bufio.Writer) *env {
	e := &env{Streams: s, out: out, format: formatText, keyFlags: map[string]*pflag.Flag{}}
	e.styles = newStyles(s.Out, s.colors(s.OutIsTerminal))
	e.do = func(ctx context.Context, c command) error { return c.run(ctx, e) }
	return e
}

// action returns a RunE that runs the command which parse makes of the arguments.
func (e *env) action(parse func(args []string) command) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error { return e.do(cmd.Context(), parse(args)) }
}

// loadConfig sets cfg.
func (e *env) loadConfig() (settings []config.Setting, err error) {
	in := config.Sources{Flags: map[string]config.Flag{}, File: e.configFile.Value.String(), Getenv: e.Getenv}
	if e.configFile.Changed && in.File == "" {
		return nil, usagef("--config is empty")
	}
	for key, f := range e.keyFlags {
		if f.Changed {
			in.Flags[key] = config.Flag{Name: f.Name, Value: f.Value.String()}
		}
	}
	if e.cfg, settings, err = config.Load(in); err != nil {
		return nil, badValue(err)
	}
	return settings, nil
}

// withStore opens the configured database for use.
func (e *env) withStore(ctx context.Context, mode sqlite.Mode, use func(*sqlite.Store) error) error {
	if _, err := e.loadConfig(); err != nil {
		return err
	}
	return e.withDatabase(ctx, e.cfg.Database, sqlite.Options{Mode: mode}, use)
}

// withUser is withStore for a command about one <user>.
func (e *env) withUser(ctx context.Context, mode sqlite.Mode, user string, use func(*sqlite.Store, auth.User) error) error {
	return e.withStore(ctx, mode, func(store *sqlite.Store) error {
		u, err := findUser(ctx, store, user)
		if err != nil {
			return err
		}
		return use(store, u)
	})
}

// withDatabase is withStore for any database file.
func (e *env) withDatabase(ctx context.Context, file string, opt sqlite.Options, use func(*sqlite.Store) error) error {
	opt.Now = e.Now
	store, err := sqlite.Open(ctx, file, opt)
	if err != nil {
		return openError(err, file)
	}
	err = use(store)
	if cerr := store.Close(); cerr != nil {
		return errors.Join(err, fmt.Errorf("close the database: %w", cerr))
	}
	return err
}

// openError adds what to do about an error.
func openError(err error, file string) error {
	if errors.Is(err, sqlite.ErrNoDatabase) {
		return fmt.Errorf("%w: name another with --database, or create it with: %s db migrate", err, programName)
	}
	if errors.Is(err, sqlite.ErrBelongs) { // of a copy before a migration
		return badValue(err)
	}
	dir := filepath.Dir(file)
	if _, serr := os.Stat(dir); err != nil && errors.Is(serr, fs.ErrNotExist) {
		return fmt.Errorf("the directory %s does not exist: create it, or choose another file with --database", dir)
	}
	return err
}

// findUser looks up a <user> of the command line.
func findUser(ctx context.Context, store *sqlite.Store, text string) (auth.User, error) {
	ref, err := auth.ParseUserRef(text, referral.ParseCode)
	if err != nil {
		return auth.User{}, badValue(fmt.Errorf("%q is %w", text, err))
	}
	u, err := store.FindUser(ctx, ref)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return u, missing(fmt.Errorf("there is no user %q", text))
	case errors.Is(err, auth.ErrAmbiguous):
		return u, badValue(fmt.Errorf("%q is %w", text, err))
	case err != nil:
		return u, fmt.Errorf("look up the user: %w", err)
	}
	return u, nil
}

// accountName names an account in texts: by its e-mail address or, without one, by its id.
func accountName(u auth.User) string { return cmp.Or(u.Email, u.ID) }
