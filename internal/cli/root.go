package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const programName = "triport-console"

// app is what every command shares: the streams, and the flags that are accepted in any place.
type app struct {
	Streams
	out    *bufio.Writer // Streams.Out, buffered
	styles styles
	format format
	// settings are the flags that set a key of the configuration.
	settings map[string]*pflag.Flag
	config   *pflag.Flag
	// do runs a parsed command; a test of the parsing looks at the action instead.
	do func(context.Context, action) error
}

// action is a parsed command: a plain struct of its options, and what to do with them.
type action interface {
	run(ctx context.Context, a *app) error
}

func newApp(s Streams, out *bufio.Writer) *app {
	a := &app{Streams: s, out: out, format: formatText, settings: map[string]*pflag.Flag{}}
	a.styles = newStyles(s.Out, s.colors(s.OutIsTerminal))
	a.do = func(ctx context.Context, act action) error { return act.run(ctx, a) }
	return a
}

// newRoot returns the command tree, all of it.
func newRoot(a *app) *cobra.Command {
	root := group(programName, "link signed-in users to whoever referred them",
		`One binary, one SQLite file: serve answers POST /v1/auth/attribute, the other
commands inspect and repair the same store, also while the server runs.

Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the thing named
does not exist, 4 a check found a difference.`,
		`  triport-console serve
  triport-console user create --email ann@example.com --name Ann
  triport-console referral inspect ann@example.com`)
	root.AddCommand(
		newServe(a),
		group("referral", "look into referrals and put attempts through the decision again", "",
			"  triport-console referral inspect ann@example.com\n  triport-console referral replay --dry-run",
			newInspect(a), newReplay(a), newVerify(a)),
		group("user", "accounts", "",
			"  triport-console user create --email ann@example.com\n  triport-console user list",
			newUserCreate(a), newUserList(a), newUserDisable(a), newUserImport(a)),
		group("session", "sign-ins", "",
			"  triport-console session create ann@example.com\n  triport-console session revoke ann@example.com",
			newSessionCreate(a), newSessionRevoke(a)),
		group("code", "the referral codes of a user", "",
			"  triport-console code set ann@example.com ann\n  triport-console code list ann@example.com",
			newCodeSet(a), newCodeDisable(a), newCodeList(a)),
		group("db", "the database: schema, health, backup", "",
			"  triport-console db check\n  triport-console db backup /backup/triport.db",
			newDBMigrate(a), newDBCheck(a), newDBBackup(a)),
		group("config", "the configuration", "", "  triport-console config show",
			newConfigShow(a)),
		newCompletion(a), newVersion(a),
	)
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.CompletionOptions.DisableDefaultCmd = true
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return usagef("%w", err)
	})
	addGlobalFlags(root, a)
	initHelpFlags(root)
	return root
}

// addGlobalFlags adds the flags that every command accepts, in any place.
func addGlobalFlags(root *cobra.Command, a *app) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.String("database", "", "database `file` (default \"triport.db\")")
	flags.String("config", "", "configuration `file` (default: the first of the usual places)")
	flags.VarP(&a.format, "output", "o", "how to print the result: text or json")
	a.settings["database"], a.config = flags.Lookup("database"), flags.Lookup("config")
	// The function fails only for a flag that is not there.
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{formatText, formatJSON}, cobra.ShellCompDirectiveNoFileComp))
}

// initHelpFlags gives every command its --help now. Cobra would add it while it looks for the
// command, too late to know that it takes no value: in `--help --database x` it would take
// --database for the value and x for a command.
func initHelpFlags(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	for _, sub := range cmd.Commands() {
		initHelpFlags(sub)
	}
}

// group returns a command that only holds others. Alone it prints its help.
func group(name, short, long, example string, subs ...*cobra.Command) *cobra.Command {
	if long == "" {
		long = strings.ToUpper(short[:1]) + short[1:] + "."
	}
	cmd := &cobra.Command{
		Use: name, Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(subs...)
	return cmd
}

func unknownCommand(parent *cobra.Command, name string) error {
	var hint string
	if near := parent.SuggestionsFor(name); len(near) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(near, " or "))
	}
	return usagef("there is no command %q in %s%s", name, parent.CommandPath(), hint)
}

// leaf returns a command that does something: parse makes an action of the arguments.
func leaf(a *app, use, short, long, example string, parse func(cmd *cobra.Command, args []string) (action, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			act, err := parse(cmd, args)
			if err != nil {
				return err
			}
			return a.do(cmd.Context(), act)
		},
	}
}

// exactly checks that there is one argument for each name, and none is empty.
func exactly(args []string, names ...string) error {
	for i, name := range names {
		if i >= len(args) {
			return usagef("%s is missing", name)
		}
		if args[i] == "" {
			return usagef("%s is empty", name)
		}
	}
	if len(args) > len(names) {
		return usagef("unexpected argument %q", args[len(names)])
	}
	return nil
}
