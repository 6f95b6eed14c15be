package cli

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/config"
)

// userHelp ends the help of commands that take a <user>.
const userHelp = `

<user> is an id, an e-mail address or a code. The prefixes id:, email: and code:
force one reading: id:ann is the user whose id is ann. Scripts should use them:
users choose their codes.`

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   programName,
		Short: "link signed-in users to the users who referred them",
		Long: `One binary, one SQLite file: serve answers POST /v1/auth/attribute, the other
commands inspect and repair the same store, also while the server runs.

Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the named thing
does not exist, 4 a check found a difference.`,
		Example: `  triport-console serve
  triport-console user create --email ann@example.com --name Ann
  triport-console referral inspect ann@example.com`,
		Args: cobra.ArbitraryArgs, RunE: runGroup,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetOut(e.out)
	root.SetErr(e.Err)
	root.AddCommand(
		newServe(e),
		group("referral", "inspect referrals and replay attempts",
			newReferralInspect(e), newReferralReplay(e), newReferralVerify(e)),
		group("user", "manage accounts", newUserCreate(e), newUserList(e), newUserUpdate(e),
			newUserDisable(e), newUserEnable(e), newUserImport(e)),
		group("session", "create and revoke sessions", newSessionCreate(e), newSessionRevoke(e)),
		group("code", "manage the referral codes of a user", newCodeSet(e), newCodeDisable(e), newCodeList(e)),
		group("db", "migrate, check and back up the database", newDBMigrate(e), newDBCheck(e), newDBBackup(e)),
		group("config", "inspect the configuration", newConfigShow(e)),
		newVersion(e),
	)
	addHelp(root)
	addCompletion(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%w", err) })
	addGlobalFlags(root, e)
	prepare(root)
	return root
}

// addGlobalFlags adds the flags that every command accepts.
func addGlobalFlags(root *cobra.Command, e *env) {
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.String("database", config.Default("database"), "database `file`")
	flags.String("config", "", "configuration `file` (default: the first standard location that exists)")
	flags.FuncP("output", "o", "output `format`: text or json", e.setFormat)
	e.keyFlags["database"], e.configFile = flags.Lookup("database"), flags.Lookup("config")
	completeFlag(root, "output", formatText, formatJSON)
}

func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// plainArguments matches a usage line that begins with required arguments.
var plainArguments = regexp.MustCompile(`^\S+((?: <\w+>| FILE)*)`)

// prepare sets what all commands have in common. A command takes the arguments that its usage line begins with.
func prepare(cmd *cobra.Command) {
	// Cobra adds --help too late to know that it has no value: `--help --database x` would run a command x.
	cmd.InitDefaultHelpFlag()
	cmd.DisableFlagsInUseLine, cmd.SuggestionsMinimumDistance = true, 2
	if cmd.Args == nil {
		cmd.Args = arguments(strings.Fields(plainArguments.FindStringSubmatch(cmd.Use)[1])...)
	}
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() && !strings.HasSuffix(cmd.Use, " FILE") {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, sub := range cmd.Commands() {
		prepare(sub)
	}
}

// group returns a command that contains others. Without arguments it prints its help.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Long: strings.ToUpper(short[:1]) + short[1:] + ".",
		Example: commands[0].Example,
		Args:    cobra.ArbitraryArgs, RunE: runGroup,
	}
	cmd.AddCommand(commands...)
	return cmd
}

func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(parent *cobra.Command, name string) error {
	var hint string
	if similar := parent.SuggestionsFor(name); len(similar) > 0 {
		hint = fmt.Sprintf(" (did you mean %s?)", strings.Join(similar, " or "))
	}
	return usagef("there is no command %q in %s%s", name, parent.CommandPath(), hint)
}

// arguments requires a non-empty argument for each name.
func arguments(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		for i, name := range names {
			switch {
			case i >= len(args):
				return usagef("%s is missing", name)
			case args[i] == "":
				return usagef("%s is empty", name)
			}
		}
		if len(args) > len(names) {
			return usagef("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// addHelp adds Cobra's help command. Cobra's own exits 0 for an unknown command.
func addHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Short, help.Long = "print the help of a command", "Print the help of a command, as its flag --help does."
	help.Example = "  triport-console help referral replay"
	help.Args = cobra.ArbitraryArgs
	help.Run, help.RunE = nil, func(cmd *cobra.Command, args []string) error {
		of, rest, err := cmd.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(of, rest[0])
		}
		return of.Help()
	}
}

// addCompletion adds Cobra's completion command, with the same correction.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, _ := root.Find([]string{"completion"})
	completion.Short, completion.Example = "print a shell completion script", "  source <(triport-console completion bash)"
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("the shell is missing: bash, zsh, fish or powershell")
		}
		return usagef("there is no completion for %q, only for bash, zsh, fish and powershell", args[0])
	}
	for _, shell := range completion.Commands() {
		shell.Example = "  triport-console completion " + shell.Name()
	}
}
